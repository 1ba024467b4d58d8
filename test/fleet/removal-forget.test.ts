import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeRegion } from "../../fleet/commands/remove-region.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { promotedFiles } from "../../fleet/promotion.ts";
import { livesIn } from "../../fleet/removal-forget.ts";
import { checkedFleet, readFleet, regionOf, stackFileName } from "../../fleet/stack-files.ts";
import type { StateResource } from "../../fleet/stacks.ts";
import { FIRST_MAKES, filesWithThirdRegion } from "../support/fleets.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, type FakeOptions } from "./support/fake-world.ts";

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

/** eu fenced, us the primary, ap: as after `fleet promote us`. */
function promoted(options: FakeOptions) {
  const fleet = { folder: "", project: "meet", ...checkedFleet(filesWithThirdRegion()) };
  const files = new Map(fleet.files);
  for (const [stack, text] of promotedFiles(fleet, regionOf(fleet, "us"), FIRST_MAKES)) {
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

describe("fleet region remove of a fenced region", () => {
  it("is refused without --forget: its database may have what no other has", async () => {
    const { world, stacks } = promoted({});
    await expect(removeRegion(world, "eu", { ...REMOVE, lost: true })).rejects.toMatchObject({
      exit: EXIT.wrongUse,
      message: expect.stringMatching(
        /^Region "eu": it is fenced, .* run fleet return eu, .* add --forget\.$/,
      ) as string,
    });
    expect([...stacks.calls, ...regions.calls]).toEqual([]);
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
