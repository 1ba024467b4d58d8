import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Aws } from "../../fleet/aws.ts";
import { init } from "../../fleet/commands/init.ts";
import { EXIT } from "../../fleet/exit.ts";
import { readAnswers } from "../../fleet/init-answers.ts";
import { trustPolicy } from "../../fleet/init-cloud.ts";
import { askAnswers } from "../../fleet/init-questions.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import { fakeWorld } from "./support/fake-world.ts";

const ANSWERS = {
  domain: "meet.test",
  regions: [
    { name: "de", awsRegion: "eu-central-1" },
    { name: "ie", awsRegion: "eu-west-1", role: "standby" },
    { name: "jp", awsRegion: "ap-northeast-1" },
  ],
  size: "small",
  dns: { provider: "route53", zoneName: "meet.test" },
  oidc: {
    clientId: "meet",
    authorizationEndpoint: "https://id.test/a",
    tokenEndpoint: "https://id.test/t",
    userEndpoint: "https://id.test/u",
    jwksEndpoint: "https://id.test/k",
  },
  mail: { host: "smtp.meet.test", from: "meet@meet.test", user: "meet" },
  deployFrom: ["203.0.113.0/24"],
  github: { owner: "us", repository: "it", ownerId: "1", repositoryId: "2" },
};

/** An account in which these things are; what is made is written down, and is there from then on. */
function account(there: readonly string[] = []) {
  const made: string[] = [];
  const aws: Aws = {
    call: (region, args) => {
      const [, what = ""] = args;
      const place = `${what} ${region ?? "everywhere"}`;
      if (what === "get-caller-identity") {
        return Promise.resolve({ Account: "123456789012" });
      }
      if (/^(head|describe|get)-/.test(what)) {
        return there.includes(place) || made.includes(place.replace(/^\S+/, "create-alias"))
          ? Promise.resolve({ KeyMetadata: { KeyId: "mrk-1" } })
          : Promise.reject(new Error(what === "head-bucket" ? "404" : "NotFoundException"));
      }
      made.push(place);
      return Promise.resolve(what === "create-key" ? { KeyMetadata: { KeyId: "mrk-1" } } : {});
    },
  };
  return { aws, made };
}

function answersFile(folder: string, answers: unknown = ANSWERS): string {
  const file = join(folder, "answers.json");
  writeFileSync(file, JSON.stringify(answers));
  return file;
}

describe("fleet init", () => {
  it("writes files that the program takes, and makes state, key and role", async () => {
    const { aws, made } = account();
    const { world, folder, asked, result } = fakeWorld({ aws, answers: ["yes"] });
    const options = { answers: answersFile(folder), files: false, dryRun: false };
    expect(await init(world, options)).toBe(EXIT.done);
    const { regions, fleet } = readFleet(folder);
    expect([...regions.values()].map(({ stack, role }) => `${stack} ${role}`)).toEqual([
      "de primary",
      "ie standby",
      "jp media",
    ]);
    expect(fleet.domain).toBe("meet.test");
    expect(existsSync(join(folder, "Pulumi.us.yaml"))).toBe(false);
    expect(readFileSync(join(folder, "Pulumi.jp.yaml"), "utf8")).toBe(
      "secretsprovider: awskms://alias/meet-pulumi?region=eu-central-1\nconfig:\n  aws:region: ap-northeast-1\n  meet:size: small\n  meet:network:\n    cidr: 10.48.0.0/16\n",
    );
    expect(made).toEqual([
      "create-bucket eu-central-1",
      "put-bucket-versioning eu-central-1",
      "put-public-access-block eu-central-1",
      "create-key eu-central-1",
      "create-alias eu-central-1",
      "replicate-key eu-central-1",
      "create-alias eu-west-1",
      "create-open-id-connect-provider everywhere",
      "create-role everywhere",
      "attach-role-policy everywhere",
      "put-role-policy everywhere",
    ]);
    expect(asked.join()).toContain(
      "replica of the key in eu-west-1, for when eu-central-1 is down",
    );
    expect(result().text.split("\n")).toEqual([
      "Next:",
      "  pulumi login 's3://123456789012-meet-state?region=eu-central-1'",
      "  pulumi stack init de --secrets-provider 'awskms://alias/meet-pulumi?region=eu-central-1'",
      "  pulumi config set --secret meet:oidcClientSecret --stack de",
      "  pulumi config set --secret meet:mailPassword --stack de",
      "  npm run plan",
      "  npx fleet up",
    ]);
  });

  it("makes nothing twice", async () => {
    const { aws, made } = account([
      "head-bucket eu-central-1",
      "describe-key eu-central-1",
      "describe-key eu-west-1",
      "get-open-id-connect-provider everywhere",
      "get-role everywhere",
    ]);
    const { world, folder } = fakeWorld({ aws, yes: true });
    await init(world, { answers: answersFile(folder), files: false, dryRun: false });
    expect(made.filter((call) => call.startsWith("create"))).toEqual([]);
  });

  it("stops where it may not look, before anything is made", async () => {
    const { world, folder } = fakeWorld({
      yes: true,
      aws: {
        call: (_, [, what]) =>
          what === "get-caller-identity"
            ? Promise.resolve({ Account: "1" })
            : Promise.reject(new Error("AccessDenied")),
      },
    });
    await expect(
      init(world, { answers: answersFile(folder), files: false, dryRun: false }),
    ).rejects.toThrow(/^AccessDenied\nDone: nothing\.\nLeft: state bucket /);
  });

  it("writes nothing with --dry-run, nor unless it is confirmed, nor when the answers are wrong", async () => {
    const { aws, made } = account();
    const { world, folder, result } = fakeWorld({ aws });
    const options = { answers: answersFile(folder), files: false, dryRun: false };
    expect(await init(world, { ...options, dryRun: true })).toBe(EXIT.done);
    expect(result().text).toContain("Deleted: Pulumi.eu.yaml, Pulumi.us.yaml");
    await expect(init(world, options)).rejects.toMatchObject({ exit: EXIT.notConfirmed });
    const wrong = answersFile(folder, { ...ANSWERS, domain: "no domain" });
    await expect(init(world, { ...options, answers: wrong })).rejects.toThrow(
      /Config meet:domain in Pulumi.de.yaml/,
    );
    expect(readFleet(folder).fleet.domain).toBe("example.org");
    expect(made).toEqual([]);
  });

  it("names what is missing in the answers, and a file that is not there", async () => {
    expect(() => readAnswers("domain: a.b", "x.yaml")).toThrow(
      /^Answers "x.yaml": they are not complete\.[^]*regions[^]*first-deployment.md has an example\.$/,
    );
    await expect(
      init(fakeWorld().world, { answers: "/nowhere", files: true, dryRun: true }),
    ).rejects.toThrow('Answers "/nowhere": the file cannot be read');
  });

  it("asks at the terminal, offers what is usual, and asks again for what it needs", async () => {
    const lines = [
      ...["meet.test", "", "", "", "us", "us-east-1", "eu-us", "", "", "203.0.113.0/24", ""],
      ...["https://id.test/a", "https://id.test/t", "https://id.test/u", "https://id.test/k"],
      ...["smtp.meet.test", "", "", ""],
    ];
    const questions: string[] = [];
    const answers = await askAnswers((text) => {
      questions.push(text);
      return Promise.resolve(lines.shift());
    });
    expect(questions[1]).toBe("Route 53 zone that it lies in [meet.test]: ");
    expect(questions.filter((text) => text.startsWith("Address range"))).toHaveLength(2);
    expect(answers.regions).toEqual([
      { name: "eu", awsRegion: "eu-west-3", role: "primary", residency: "eu-us" },
      { name: "us", awsRegion: "us-east-1", role: "standby", residency: "eu-us" },
    ]);
    expect(answers.mail).toEqual({ host: "smtp.meet.test", from: "meet@meet.test" });
    await expect(askAnswers(() => Promise.resolve(undefined))).rejects.toThrow(
      "Answers: nobody can be asked, there is no terminal. Give a file with --answers.",
    );
  });

  it("trusts one subject per region and no wildcard", () => {
    const text = JSON.stringify(trustPolicy("arn", readAnswers(JSON.stringify(ANSWERS), "x")));
    expect(text).toContain("repo:us@1/it@2:environment:preview-de");
    expect(text).not.toContain("*");
  });
});
