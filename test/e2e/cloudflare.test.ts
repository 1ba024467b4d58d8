import { chmod, mkdtemp, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHECKPOINTS_AT_END } from "../../rehearsal/workspace.ts";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { repositoryFiles } from "../support/fleets.ts";
import { runCommand, type CommandFleet } from "./fleet-commands.ts";
import { killedAfterEachChange, type KilledCommand } from "./killing-engine.ts";

const NOTHING_ASTRAY = { orphans: [], lost: [] };

const ROUTE53 = /meet:dns:\n {4}provider: route53\n {4}zoneName: example\.org\n/;

const CLOUDFLARE = `meet:dns:
    provider: cloudflare
    zoneId: 0123456789abcdef0123456789abcdef
    accountId: fedcba9876543210fedcba9876543210
    zoneName: example.org
`;

let fleet: Fleet;

beforeAll(async () => {
  fleet = await startFleet();
});

afterAll(async () => {
  await fleet.close();
});

describe("a fleet with its names at Cloudflare", () => {
  it("has them all there, and a second update changes nothing", async () => {
    const file = repositoryFiles().get("Pulumi.eu.yaml") ?? "";
    expect(file).toMatch(ROUTE53);
    await fleet.add("eu", file.replace(ROUTE53, CLOUDFLARE));
    await fleet.must(["config", "set", "--secret", "cloudflare:apiToken", "t", "--stack", "eu"]);
    expect(Object.keys(await fleet.up("eu"))).toEqual(["create"]);
    expect(await fleet.up("eu")).toEqual({});
    const inventory = fleet.running.cloud.inventory();
    const types = new Set(inventory.map(({ type }) => type));
    // What is left at Route 53 is the private zone by which Meet finds its own gateway from inside the network.
    const atRoute53 = inventory.filter(({ type }) => type.startsWith("aws:route53/"));
    expect(atRoute53.map(({ type, name }) => [type, name]).sort()).toEqual([
      ["aws:route53/record:Record", "livekit.example.org"],
      ["aws:route53/zone:Zone", "livekit.example.org"],
    ]);
    const zone = atRoute53.find(({ type }) => type === "aws:route53/zone:Zone");
    expect(zone?.inputs).toMatchObject({ name: "livekit.example.org", vpcs: [{}] });
    expect(types).toContain("cloudflare:index/loadBalancer:LoadBalancer");
    expect(await fleet.strays("eu")).toEqual(NOTHING_ASTRAY);
  });

  it("takes two ups for one more region: its own, and the primary's, which owns the pools", async () => {
    await fleet.add("us");
    await fleet.must(["config", "set", "--secret", "cloudflare:apiToken", "t", "--stack", "us"]);
    expect(Object.keys(await fleet.up("us"))).toEqual(["create"]);
    const steps = await fleet.previewed("eu");
    expect(steps.filter((step) => step.includes("cloudflare:"))).toEqual([
      "create cloudflare:index/loadBalancerMonitor:LoadBalancerMonitor names-promoted",
      "create cloudflare:index/loadBalancerPool:LoadBalancerPool names-livekit-us",
      "create cloudflare:index/loadBalancerPool:LoadBalancerPool names-meet-us",
      "update cloudflare:index/loadBalancer:LoadBalancer names-livekit",
      "update cloudflare:index/loadBalancer:LoadBalancer names-meet",
    ]);
    await fleet.up("eu");
    expect(await fleet.up("eu")).toEqual({});
    expect(await fleet.up("us")).toEqual({});
  });
});

/** An `aws` whose snapshots are available at once. */
const AWS = `#!/usr/bin/env node
console.log(JSON.stringify({ DBSnapshots: [{ Status: "available" }] }));
`;

describe("a fleet with its names at Cloudflare, its primary lost", () => {
  let running: CommandFleet;
  let before: readonly string[];
  let calls = 0;

  const killed = async (...args: readonly string[]): Promise<KilledCommand> =>
    killedAfterEachChange(running, await mkdtemp(join(fleet.workspace.folder, "engine-")), ...args);
  /** What exists but once for all regions, with its id. */
  const shared = (): readonly string[] =>
    fleet.running.cloud
      .inventory()
      .filter(({ type, urn }) => type.includes("loadBalancer") || /-validation-\w+$/.test(urn))
      .filter(({ type }) => type.startsWith("cloudflare:"))
      .map(({ urn, id }) => `${urn.split("::").at(-1) ?? ""} ${id}`)
      .sort();
  /** Calls about those since the beginning, but for changes in place. */
  const madeOrDeleted = (): readonly string[] =>
    fleet.running.cloud.calls
      .slice(calls)
      .filter(({ type, operation }) => type.includes("loadBalancer") && operation !== "update")
      .filter(({ operation }) => ["create", "delete"].includes(operation))
      .map(({ operation, urn }) => `${operation} ${urn}`);

  beforeAll(async () => {
    const tools = await mkdtemp(join(fleet.workspace.folder, "aws-"));
    await writeFile(join(tools, "aws"), AWS);
    await chmod(join(tools, "aws"), 0o755);
    const { environment, program } = fleet.workspace;
    const path = [tools, environment["PATH"] ?? ""].join(delimiter);
    // The engine is killed in none of its steps, so it may write its state at their ends.
    running = { program, environment: { ...environment, ...CHECKPOINTS_AT_END, PATH: path } };
    before = shared();
    calls = fleet.running.cloud.calls.length;
  });

  it("promotes the standby, killed after each call that changes anything and called again: the names are the same ones", async () => {
    expect(before.length).toBe(11);
    fleet.running.cloud.faults.add({
      scope: "*eu-west-3*",
      times: Number.POSITIVE_INFINITY,
      action: { kind: "fail", errorCode: "RegionLost", message: "eu-west-3 does not answer" },
    });
    const { end, kills } = await killed("promote", "us", "--confirm", "us");
    expect(end.stdout, end.stderr).toContain("Region us is the primary.");
    // Also between taking the names into one state and out of the other.
    expect(kills).toEqual([
      "config set meet:oidcClientSecret us",
      "config set meet:mailPassword us",
      "config set meet:sharedSecrets us",
      "stack import us",
      "stack import eu",
      "up us",
    ]);
    expect(shared()).toEqual(before);
    expect(madeOrDeleted()).toEqual([]);
    const ids = before.map((each) => each.split(" ")[1] ?? "");
    const owned = async (stack: string): Promise<readonly string[]> =>
      (await fleet.state(stack)).resources.flatMap(({ id = "" }) => (ids.includes(id) ? [id] : []));
    expect([...(await owned("us"))].sort()).toEqual([...ids].sort());
    expect(await owned("eu")).toEqual([]);
  });

  it("keeps them when the old region returns, killed likewise, and nothing is left to do", async () => {
    fleet.running.cloud.faults.remove();
    const { end, kills } = await killed("return", "eu", "--confirm", "eu");
    expect(end.stdout, end.stderr).toContain("Region eu is the standby.");
    // Also between marking what is kept and the update that leaves it out.
    expect(kills).toEqual(["stack import eu", "up eu", "up us", "up eu"]);
    expect(shared()).toEqual(before);
    expect(madeOrDeleted()).toEqual([]);
    const previewed = await runCommand(running, "preview", "--exit-code");
    expect(previewed.stdout, previewed.stderr).toBe("us: nothing changed\neu: nothing changed\n");
  });
});
