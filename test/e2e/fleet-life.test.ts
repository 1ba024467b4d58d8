import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { upArguments } from "../support/engine/engine.ts";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { mediaRegionFile } from "../support/fleets.ts";

/** As on a user's machine: what is under way is in the state when the engine is killed. */
const EACH_STEP = { environment: { PULUMI_SKIP_CHECKPOINTS: "false" } };

const DESTROY = ["destroy", "--yes", "--non-interactive", "--stack"];

const UNPROTECTED = "  meet:protection:\n    enabled: false\n    reason: the fleet is closed\n";

const STACK_TRACE = /^\s+at .*\.[jt]s:\d+/m;

const NOTHING_ASTRAY = { orphans: [], lost: [] };

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet();
});

afterAll(async () => {
  await fleet.close();
});

function resolvePending(...args: readonly string[]): string {
  const ended = spawnSync(join("script", "resolve-pending"), args, { encoding: "utf8" });
  expect(ended.status, ended.stderr).toBe(0);
  return ended.stdout;
}

/** One fleet from its first `up` on; each test goes on where the one before has ended. */
describe("a fleet of one", () => {
  it("is told which call failed half-way, in one error, and the state has all that exists", async () => {
    await fleet.add("eu");
    fleet.running.cloud.faults.add({
      type: "aws:rds/instance:Instance",
      operation: "create",
      action: { kind: "fail", errorCode: "InternalFailure", message: "Please try again later." },
    });
    const { status, output } = await fleet.run(upArguments("eu"), EACH_STEP);
    expect(status).not.toBe(0);
    const diagnostics = output.slice(output.indexOf("Diagnostics:"));
    const errors = diagnostics.match(/(?<= {4}error: ).*/g) ?? [];
    expect(errors.filter((error) => error !== "update failed")).toEqual([
      expect.stringMatching(/CreateDBInstance.* InternalFailure: Please try again later\.$/),
    ]);
    expect(diagnostics).toContain("aws:rds:Instance (database):");
    expect(output).not.toMatch(STACK_TRACE);
    expect(fleet.existing("eu").length).toBeGreaterThan(50);
    expect(await fleet.strays("eu")).toEqual(NOTHING_ASTRAY);
  });

  it("gets the rest by the next up, and one more changes nothing", async () => {
    expect(Object.keys(await fleet.up("eu"))).toEqual(["create"]);
    expect(await fleet.up("eu")).toEqual({});
    expect(await fleet.strays("eu")).toEqual(NOTHING_ASTRAY);
  });

  it("is not destroyed while it is protected, not even in part", async () => {
    const before = fleet.existing();
    const { status, output } = await fleet.run([...DESTROY, "eu"]);
    expect(status).not.toBe(0);
    expect(output).toMatch(/cannot be deleted\s+because it is protected/);
    expect(fleet.existing()).toEqual(before);
  });

  it("is not given away to a stack with another passphrase, which makes nothing", async () => {
    const other = { environment: { PULUMI_CONFIG_PASSPHRASE: "another" } };
    await fleet.add("ap", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"), other);
    const { status, output } = await fleet.run(upArguments("ap"), other);
    expect(status).not.toBe(0);
    expect(output).toMatch(
      /error: Output "sharedSecrets" of stack "eu": it (is missing or )?cannot be decrypted\. .*the same secrets provider and passphrase\.$/m,
    );
    expect(output).not.toMatch(STACK_TRACE);
    expect(fleet.existing("ap")).toEqual([]);
    await fleet.forget("ap");
  });
});

describe("a standby that is added later", () => {
  it("changes in the primary what the gateways start with, and the check of meet.<domain>", async () => {
    await fleet.add("us");
    expect(await fleet.previewed("eu")).toEqual([
      "create aws:route53/healthCheck:HealthCheck names-meet-standby-waits",
      "update aws:route53/healthCheck:HealthCheck names-meet",
      "update kubernetes:apps/v1:Deployment rooms",
    ]);
  });

  it("is killed half-way: what was under way is in the state, and the state is locked", async () => {
    const { faults } = fleet.running.cloud;
    const hang = { operation: "create", action: { kind: "hang" } } as const;
    faults.add({ ...hang, type: "aws:rds/instance:Instance", when: "after" });
    faults.add({ ...hang, type: "aws:elasticache/replicationGroup:ReplicationGroup" });
    const update = fleet.workspace.start(upArguments("us"), EACH_STEP);
    await expect.poll(() => faults.hanging, { timeout: 300_000, interval: 50 }).toBe(2);
    update.kill();
    expect((await update.ended).status).toBeNull();
    faults.remove();
    const { output } = await fleet.run(upArguments("us"));
    expect(output).toContain("the stack is currently locked by 1 lock(s)");
  });

  it("is recovered by the runbook: what exists is adopted, what does not is forgotten", async () => {
    const file = join(fleet.workspace.folder, "state.json");
    await fleet.must(["cancel", "--yes", "--stack", "us"]);
    await fleet.must(["stack", "export", "--stack", "us", "--file", file]);
    const { orphans } = await fleet.strays("us");
    const things = fleet.running.cloud.inventory();
    const pending = resolvePending(file).trim().split("\n");
    expect(pending.join(" ")).toContain("aws:elasticache/replicationGroup:ReplicationGroup");
    expect(orphans.join(" ")).toContain("aws:rds/instance:Instance::database");
    expect(pending).toEqual(expect.arrayContaining([...orphans]));
    const found = pending.flatMap((urn) => {
      const id = things.find((thing) => thing.urn === urn)?.id;
      return id === undefined ? ["--missing", urn] : ["--exists", `${urn}=${id}`];
    });
    resolvePending(file, ...found);
    await fleet.must(["stack", "import", "--stack", "us", "--file", file]);
    await fleet.must(["refresh", "--stack", "us", "--yes", "--non-interactive", "--skip-preview"]);
    expect((await fleet.state("us")).pending).toBe(0);
    expect(await fleet.strays("us")).toEqual(NOTHING_ASTRAY);
  });

  it("then gets the rest by the next up; one more changes nothing, and nothing is orphaned", async () => {
    expect(Object.keys(await fleet.up("us"))).toEqual(["create"]);
    expect(await fleet.up("us")).toEqual({});
    expect(await fleet.strays("us")).toEqual(NOTHING_ASTRAY);
  });

  it("leaves the primary without a change once that has been updated too", async () => {
    expect(await fleet.up("eu")).toEqual({ create: 1, update: 2 });
    expect(await fleet.up("eu")).toEqual({});
    expect(await fleet.strays("eu")).toEqual(NOTHING_ASTRAY);
  });

  it("keeps the primary's protection on, so that the primary is not destroyed under it", async () => {
    const before = fleet.existing();
    await fleet.change("eu", ["config:\n", `config:\n${UNPROTECTED}`], async () => {
      const { status, output } = await fleet.run(upArguments("eu"));
      expect(status).not.toBe(0);
      expect(output).toContain(
        "Config meet:protection.enabled in Pulumi.eu.yaml: false, but the fleet also has us, which",
      );
      const destroyed = await fleet.run([...DESTROY, "eu"]);
      expect(destroyed.status).not.toBe(0);
      expect(destroyed.output).toContain("because it is protected");
    });
    expect(fleet.existing()).toEqual(before);
  });
});

/** `<region>` of the bucket that each region's recordings are copied to. */
function copiesOf(stack: string): string[] {
  return fleet.running.cloud
    .inventory()
    .filter(({ type }) => type === "aws:s3/bucketReplicationConfig:BucketReplicationConfig")
    .filter(({ urn }) => urn.startsWith(`urn:pulumi:${stack}::`))
    .flatMap(
      ({ inputs }) => JSON.stringify(inputs).match(/meet-recordings-\d+-[a-z0-9-]+-an/g) ?? [],
    )
    .map((bucket) => bucket.replace(/^meet-recordings-\d+-|-an$/g, ""))
    .sort();
}

describe("a fleet of six in two residency groups", () => {
  const media = {
    de: ["eu-central-1", "10.60.0.0/16", "eu-us"],
    ie: ["eu-west-1", "10.64.0.0/16", "eu-us"],
    jp: ["ap-northeast-1", "10.68.0.0/16", "asia"],
    sg: ["ap-southeast-1", "10.72.0.0/16", "asia"],
  } as const;

  it("is deployed region by region: one of each group here, the others previewed", async () => {
    for (const [stack, [awsRegion, cidr, residency]] of Object.entries(media)) {
      await fleet.add(stack, `${mediaRegionFile(awsRegion, cidr)}  meet:residency: ${residency}\n`);
    }
    for (const stack of ["de", "jp"]) {
      expect(Object.keys(await fleet.up(stack))).toEqual(["create"]);
      expect(await fleet.strays(stack)).toEqual(NOTHING_ASTRAY);
    }
    for (const stack of ["ie", "sg"]) {
      const steps = await fleet.previewed(stack);
      expect(steps.length).toBeGreaterThan(150);
      expect(steps.filter((step) => !step.startsWith("create "))).toEqual([]);
    }
  });

  it("copies recordings to the homes of the own group only", () => {
    expect(copiesOf("de")).toEqual(["eu-central-1", "eu-west-3", "us-east-1"]);
    expect(copiesOf("jp")).toEqual([]);
  });

  it("changes nothing in the homes", async () => {
    expect(await fleet.previewed("eu")).toEqual([]);
    expect(await fleet.previewed("us")).toEqual([]);
  });
});
