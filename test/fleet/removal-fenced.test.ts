import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeRegion } from "../../fleet/commands/remove-region.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { livesIn } from "../../fleet/removal-fenced.ts";
import { checkedFleet, readFleet, regionOf, stackFileName } from "../../fleet/stack-files.ts";
import type { StateResource } from "../../fleet/stacks.ts";
import { filesWithThirdRegion } from "../support/fleets.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, NO_AWS, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us", "ap"]);
});

afterEach(async () => {
  await regions.stop();
});

function resource(stack: string, type: string, name: string, region?: string): StateResource {
  return {
    urn: `urn:pulumi:${stack}::meet::${type}::${name}`,
    type: type.split("$").at(-1) ?? "",
    protect: false,
    inputs: region === undefined ? {} : { region },
    outputs: {},
  };
}

const DATABASE = resource("eu", "meet:data:Postgres$aws:rds/instance:Instance", "database");

/** RDS that makes snapshots at once, and nothing else of AWS. */
function rds() {
  const made: string[] = [];
  const call = (_: unknown, args: readonly string[]): Promise<unknown> => {
    if (args[0] !== "rds") {
      return Promise.reject(new Error("no AWS credentials"));
    }
    if (args[1] === "create-db-snapshot") {
      made.push(args.at(-1) ?? "");
      return Promise.resolve({});
    }
    return made.length > 0
      ? Promise.resolve({ DBSnapshots: [{ Status: "available" }] })
      : Promise.reject(new Error("DBSnapshotNotFound"));
  };
  return { made, call };
}

/** eu fenced, us the primary, ap: as after `fleet promote us`. */
function promoted(options: FakeOptions) {
  const fleet = { folder: "", project: "meet", ...checkedFleet(filesWithThirdRegion()) };
  const files = new Map(fleet.files);
  for (const [stack, text] of promotedFiles(fleet, regionOf(fleet, "us"))) {
    files.set(stackFileName(stack), text);
  }
  const stacks = new FakeStacks(["eu", "us", "ap"]);
  stacks.states.set("eu", {
    resources: [
      DATABASE,
      resource("eu", "kubernetes:apps/v1:Deployment", "rooms"),
      resource("eu", "aws:route53/record:Record", "names-meet"),
      resource("eu", "aws:iam/role:Role", "egress"),
    ],
    pending: [],
  });
  stacks.states.set("us", {
    resources: [
      resource("us", "aws:s3/bucketReplicationConfig:BucketReplicationConfig", "eu", "eu-west-3"),
      resource("us", "aws:rds/instance:Instance", "database"),
    ],
    pending: [],
  });
  // An update leaves out of the state what is kept.
  stacks.after = (call) => {
    const { resources, pending } = stacks.states.get("eu") ?? { resources: [], pending: [] };
    if (call === "up eu" && stacks.calls.includes("keep eu")) {
      stacks.states.set("eu", { resources: resources.filter((it) => it !== DATABASE), pending });
    }
  };
  const fake = fakeWorld({
    endpoints: regions.endpoints,
    files,
    stacks,
    words: ["eu"],
    ...options,
  });
  const again = { ...fake.world, output: { say: () => undefined, result: () => undefined } };
  return { ...fake, again, stacks };
}

const REMOVE = {
  lost: false,
  forget: false,
  waitSeconds: 600,
  deleteRecordings: false,
  loseRecordings: false,
  dryRun: false,
};

describe("fleet region remove of what was the primary, once it answers", () => {
  const ALL = ["keep eu", "up eu", "up eu", "destroy eu", "remove eu", "up us", "up ap"];

  it("keeps its database with a snapshot, deletes all else, and deploys the regions that knew of it", async () => {
    const aws = rds();
    const { world, stacks, asked, folder } = promoted({ aws, words: [], answers: ["eu"] });
    expect(await removeRegion(world, "eu", REMOVE)).toBe(EXIT.done);
    expect(asked.join()).toContain("all that it has is deleted but its database, which is kept");
    expect(aws.made).toEqual([expect.stringMatching(/^meet-eu\S*-before-epoch-2$/)]);
    expect(stacks.calls).toEqual(ALL);
    expect(regions.calls).toEqual([
      "eu evacuate 600",
      expect.stringMatching(/^(us|ap) remove eu$/),
    ]);
    expect(existsSync(join(folder, "Pulumi.eu.yaml"))).toBe(false);
    const { fleet } = readFleet(folder);
    expect([fleet.primary.stack, fleet.fenced]).toEqual(["us", undefined]);
  });

  it.each(["keep eu", "up eu", "destroy eu", "remove eu"])(
    "killed at %s and called again, does the rest, and makes nothing anew",
    async (call) => {
      const aws = rds();
      const { world, again, stacks } = promoted({ aws });
      stacks.failing.set(call, new FleetError("killed"));
      await expect(removeRegion(world, "eu", REMOVE)).rejects.toThrow("region remove eu again");
      stacks.failing.clear();
      expect(await removeRegion(again, "eu", REMOVE)).toBe(EXIT.done);
      expect(aws.made).toHaveLength(1);
      const destroyed = stacks.calls.lastIndexOf("destroy eu");
      expect(stacks.calls.lastIndexOf("up eu")).toBeLessThan(destroyed);
      expect(stacks.calls.slice(-2)).toEqual(["up us", "up ap"]);
    },
  );

  it("changes nothing while RDS does not answer", async () => {
    const { world, stacks } = promoted({ aws: NO_AWS });
    await expect(removeRegion(world, "eu", { ...REMOVE, lost: true })).rejects.toThrow(
      "Nothing was changed; call the command when eu-west-3 answers.",
    );
    expect(stacks.calls).toEqual([]);
  });
});

describe("fleet region remove --forget, of a region that will not answer", () => {
  const FORGET = { ...REMOVE, forget: true };
  const ALL = [
    "forget us eu",
    "forget eu database rooms",
    "destroy eu",
    "remove eu",
    "up us",
    "up ap",
  ];

  it("asks nothing there: forgets what is in it, in other stacks too, and deletes names and roles", async () => {
    regions.get("eu").isAway = true;
    const { world, stacks, asked, folder } = promoted({ words: [], answers: ["eu"] });
    expect(await removeRegion(world, "eu", FORGET)).toBe(EXIT.done);
    expect(asked.join()).toContain("what it has in eu-west-3 is forgotten, not deleted");
    expect([...stacks.calls].sort()).toEqual([...ALL].sort());
    expect(stacks.calls.slice(2)).toEqual(ALL.slice(2));
    expect((await stacks.state("us")).resources.map(({ type }) => type)).toEqual([
      "aws:rds/instance:Instance",
    ]);
    expect(readFleet(folder).fleet.fenced).toBeUndefined();
  });

  it.each(ALL.slice(0, 4))("killed at %s and called again, does the rest", async (call) => {
    const { world, again, stacks } = promoted({});
    stacks.failing.set(call, new FleetError("killed"));
    await expect(removeRegion(world, "eu", FORGET)).rejects.toThrow("region remove eu again");
    stacks.failing.clear();
    expect(await removeRegion(again, "eu", FORGET)).toBe(EXIT.done);
    // Never an update: it would make anew what was forgotten.
    expect(stacks.calls).not.toContain("up eu");
    expect(stacks.calls.slice(-2)).toEqual(["up us", "up ap"]);
  });

  it.each([
    ["kubernetes:core/v1:Secret", {}, "eu-west-3", true],
    ["kubernetes:core/v1:Secret", {}, "us-east-1", false],
    ["aws:rds/instance:Instance", {}, "eu-west-3", true],
    ["aws:s3/bucket:Bucket", { region: "us-east-1" }, "eu-west-3", false],
    ["aws:s3/bucket:Bucket", { region: "eu-west-3" }, "us-east-1", true],
    ["aws:iam/role:Role", {}, "eu-west-3", false],
    ["aws:route53/record:Record", {}, "eu-west-3", false],
    ["cloudflare:index/record:Record", {}, "eu-west-3", false],
    ["random:index/randomPassword:RandomPassword", {}, "eu-west-3", false],
    ["pulumi:providers:aws", { region: "eu-west-3" }, "eu-west-3", false],
  ])("counts %s %o of a stack in %s as lost: %s", (type, inputs, home, isLost) => {
    expect(livesIn({ type, inputs }, home, "eu-west-3")).toBe(isLost);
  });
});
