import * as pulumi from "@pulumi/pulumi";
import { beforeEach, describe, expect, it } from "vitest";
import { loadStackConfig } from "../../infra/config.ts";
import { runFaults } from "../../infra/run-agreement.ts";
import { fleetFiles, MEDIA, PRIMARY, STANDBY, stackFile } from "./fleet-samples.ts";

const SECRET = "meet:oidcClientSecret";
const MAIL_USER = {
  "meet:mail": { host: "smtp.example.org", from: "meet@example.org", user: "meet" },
};

async function runAs(stack: string, running: Record<string, string>): Promise<void> {
  await pulumi.runtime.setMocks(
    { newResource: () => ({ id: "", state: {} }), call: () => ({}) },
    "meet",
    stack,
  );
  pulumi.runtime.setAllConfig(running);
}

function faultOf(load: () => unknown): unknown {
  try {
    load();
    return undefined;
  } catch (error) {
    return error;
  }
}

function value(output: pulumi.Output<string> | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    if (output === undefined) {
      resolve(undefined);
    } else {
      output.apply(resolve);
    }
  });
}

const files = fleetFiles({ eu: PRIMARY, us: MEDIA });

describe("the program's own configuration", () => {
  beforeEach(async () => {
    await runAs("eu", { [SECRET]: "s3cret" });
  });

  it("of the primary comes with its secrets, still secret", async () => {
    const { config, secrets } = loadStackConfig(files);
    expect(config.stack).toBe("eu");
    expect(await value(secrets.oidcClientSecret)).toBe("s3cret");
    const { oidcClientSecret } = secrets;
    expect(oidcClientSecret !== undefined && (await pulumi.isSecret(oidcClientSecret))).toBe(true);
    expect(secrets).not.toHaveProperty("mailPassword");
  });

  it("of a primary on S3-compatible storage has the keys of every store, still secret", async () => {
    const store = { endpoint: "https://s3.example.org", region: "garage", bucket: "meet" };
    const storage = { kind: "s3-compatible", default: store };
    const stores = fleetFiles({
      eu: {
        ...PRIMARY,
        "meet:recordings": { storage },
        "meet:storageKeys": { secure: "v1:abc" },
      },
    });
    const run = async (keys: string | undefined) => {
      await runAs("eu", {
        [SECRET]: "s3cret",
        ...(keys === undefined ? {} : { "meet:storageKeys": keys }),
      });
      return String(faultOf(() => loadStackConfig(stores)));
    };
    expect(await run(undefined)).toContain(
      "Config meet:storageKeys in Pulumi.eu.yaml: missing for the stores default. Run pulumi config set --secret meet:storageKeys --stack eu.",
    );
    expect(await run("AKIA")).toContain("Config meet:storageKeys in Pulumi.eu.yaml: no JSON.");
    const wrong = await run('{"default": {"accessKeyId": "AKIA"}}');
    expect(wrong).toContain("(default.secretAccessKey). Correct it.");
    expect(wrong).not.toContain("AKIA");
    const pair = { accessKeyId: "AKIA", secretAccessKey: "hidden" };
    expect(await run(JSON.stringify({ us: pair }))).toContain(
      "there are no keys for the store default. Add default to it.",
    );
    expect(await run(JSON.stringify({ default: pair, us: pair }))).toContain(
      "keys for us, which is no store (default). Remove them.",
    );
    expect(await run(JSON.stringify({ default: pair }))).toBe("undefined");
    const { storageKeys } = loadStackConfig(stores).secrets;
    expect(storageKeys !== undefined && (await pulumi.isSecret(storageKeys))).toBe(true);
  });

  it("of another stack has no secrets of its own and needs none", async () => {
    await runAs("us", {});
    expect(loadStackConfig(files)).toMatchObject({ config: { stack: "us" }, secrets: {} });
    expect(loadStackConfig(files).secrets).toEqual({});
  });

  it("is read from this repository when no files are given", () => {
    pulumi.runtime.setAllConfig({ [SECRET]: "s3cret", "meet:mailPassword": "pass" });
    expect(loadStackConfig().config).toMatchObject({ stack: "eu", awsRegion: "eu-west-3" });
  });

  it("names the command for every secret that is missing", async () => {
    await runAs("eu", {});
    const fault = faultOf(() => loadStackConfig(fleetFiles({ eu: { ...PRIMARY, ...MAIL_USER } })));
    expect(fault).toBeInstanceOf(pulumi.RunError);
    expect(String(fault)).toContain(
      [
        "Config meet:oidcClientSecret in Pulumi.eu.yaml: missing. Run pulumi config set --secret meet:oidcClientSecret --stack eu.",
        "Config meet:mailPassword in Pulumi.eu.yaml: missing for the mail user meet. Run pulumi config set --secret meet:mailPassword --stack eu.",
      ].join("\n"),
    );
  });

  it("names the file that a stack lacks", async () => {
    await runAs("ap", {});
    const fault = faultOf(() => loadStackConfig(files));
    expect(fault).toBeInstanceOf(pulumi.RunError);
    expect(String(fault)).toContain(
      "Config in Pulumi.ap.yaml: the file is missing. Write it with aws:region and meet:network: { cidr: … }.",
    );
  });

  it("fails with every fault of the fleet, as a message without a stack trace", () => {
    const fault = faultOf(() => loadStackConfig(fleetFiles({ eu: PRIMARY, us: "", ap: "" })));
    expect(fault).toBeInstanceOf(pulumi.RunError);
    expect(String(fault)).toContain(
      [
        "Config in Pulumi.ap.yaml: empty. Write config: with aws:region and meet:network under it.",
        "Config in Pulumi.us.yaml: empty. Write config: with aws:region and meet:network under it.",
      ].join("\n"),
    );
  });

  it("fails when Pulumi runs with something else than the file says", () => {
    pulumi.runtime.setAllConfig({ [SECRET]: "s3cret", "aws:region": "eu-west-1" });
    const alone = fleetFiles({ eu: PRIMARY, de: STANDBY });
    expect(String(faultOf(() => loadStackConfig(alone)))).toContain(
      "Config aws:region in Pulumi.eu.yaml: eu-west-3, but Pulumi runs with eu-west-1. Set it in the file: the other stacks read that.",
    );
  });
});

describe("what Pulumi runs with", () => {
  const source = stackFile({
    ...MEDIA,
    "meet:media": { min: 2, scaleIn: "manual" },
    "meet:protection": { enabled: false, reason: "no: this is a test" },
  });
  const running = {
    "aws:region": "us-east-1",
    "aws:skipCredentialsValidation": "true",
    "meet:network": '{"cidr":"10.2.0.0/16"}',
    "meet:media": '{"scaleIn":"manual","min":2}',
    "meet:protection": '{"enabled":false,"reason":"no: this is a test"}',
  };

  it("agrees with the file in the engine's spelling", () => {
    expect(runFaults("us", source, running)).toEqual([]);
  });

  it("is not compared where there is none, as under mocks", () => {
    expect(runFaults("us", source, {})).toEqual([]);
  });

  it.each([
    [
      "a changed value",
      { ...running, "meet:media": '{"min":3,"scaleIn":"manual"}' },
      'Config meet:media in Pulumi.us.yaml: {"min":2,"scaleIn":"manual"}, but Pulumi runs with {"min":3,"scaleIn":"manual"}. Set it in the file: the other stacks read that.',
    ],
    [
      "a value the file lacks",
      { ...running, "meet:size": "large" },
      "Config meet:size in Pulumi.us.yaml: not set, but Pulumi runs with large. Set it in the file: the other stacks read that.",
    ],
    [
      "a value the engine lacks",
      Object.fromEntries(Object.entries(running).filter(([key]) => key !== "meet:network")),
      'Config meet:network in Pulumi.us.yaml: {"cidr":"10.2.0.0/16"}, but Pulumi runs with nothing. Set it in the file: the other stacks read that.',
    ],
  ])("differs by %s", (_name, changed, says) => {
    expect(runFaults("us", source, changed)).toEqual([says]);
  });

  it("may hold secrets that the file encrypts", () => {
    const eu = stackFile({ ...PRIMARY, [SECRET]: { secure: "v1:abc" } });
    const plain = Object.fromEntries(
      Object.entries(PRIMARY).map(([key, each]) => [
        key,
        typeof each === "string" ? each : JSON.stringify(each),
      ]),
    );
    expect(runFaults("eu", eu, { ...plain, [SECRET]: "s3cret" })).toEqual([]);
  });
});
