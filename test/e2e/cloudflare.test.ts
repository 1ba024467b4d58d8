import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startFleet, type Fleet } from "../support/engine/fleet.ts";
import { mediaRegionFile, repositoryFiles } from "../support/fleets.ts";

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
    await fleet.add("ap", mediaRegionFile("ap-northeast-1", "10.48.0.0/16"));
    await fleet.must(["config", "set", "--secret", "cloudflare:apiToken", "t", "--stack", "ap"]);
    expect(Object.keys(await fleet.up("ap"))).toEqual(["create"]);
    expect(await fleet.previewed("eu")).toEqual([
      "create cloudflare:index/loadBalancerPool:LoadBalancerPool names-livekit-ap",
      "update cloudflare:index/loadBalancer:LoadBalancer names-livekit",
    ]);
    expect(await fleet.up("eu")).toEqual({ create: 1, update: 1 });
    expect(await fleet.up("eu")).toEqual({});
    expect(await fleet.up("ap")).toEqual({});
  });
});
