import { describe, expect, it } from "vitest";
import { inParallel, inSeries, journeysOf, stackFacts } from "../../plan/availability.ts";
import type { StackFacts } from "../../plan/availability.ts";
import { SERVICE_LEVELS } from "../../plan/service-levels.ts";
import { stackOf, repositoryFiles } from "../support/fleets.ts";
import { group, resource } from "./resources.ts";

const { balancer, kubernetes, machines, database, cache, nat, route53 } = SERVICE_LEVELS;

function facts(
  stack: string,
  role: StackFacts["role"],
  rest: Partial<StackFacts> = {},
): StackFacts {
  return {
    stack,
    role,
    dns: route53,
    mediaOwn: [balancer, machines, cache],
    media: [balancer, kubernetes, machines, machines, cache],
    home: [balancer, kubernetes, machines, database, cache],
    nat: [nat],
    replicates: false,
    ...rest,
  };
}

describe("Published service levels", () => {
  it.each([
    [[100], 100],
    [[99.9, 99.9], 99.8001],
    [[99.99, 99.95, 50], 49.970002],
  ])("%j in series are %d", (percents, result) => {
    expect(inSeries(percents)).toBeCloseTo(result, 6);
  });

  it.each([
    [[99], 99],
    [[99, 99], 99.99],
    [[50, 50], 75],
  ])("%j side by side are %d", (percents, result) => {
    expect(inParallel(percents)).toBeCloseTo(result, 6);
  });
});

describe("A journey", () => {
  it("of a fleet of one has no failover and is below 99.9 %", () => {
    const [join, signIn, recording] = journeysOf("eu", [facts("eu", "primary")]);
    // Home: 99.99 × 99.95 × 99.99 × 99.95 × 99.99; media on top: 99.99 × 99.99 × 99.99.
    expect(join).toMatchObject({ journey: "join a meeting", oneRegionPercent: 99.84 });
    expect(signIn).toMatchObject({ oneRegionPercent: 99.7701, automaticPercent: 99.7701 });
    expect(recording?.automaticPercent).toBe(99.7701);
    expect(join?.withPromotionPercent).toBeUndefined();
    expect(signIn?.verdict).toBe(
      "Below 99.9 %: up to 99 minutes a month are covered by no promise.",
    );
  });

  it("of joining is carried by a second region only as far as media goes", () => {
    const [join] = journeysOf("eu", [facts("eu", "primary"), facts("ap", "media")]);
    expect(join?.automaticPercent).toBe(99.8699);
    expect(join?.belowTarget).toBe(true);
  });

  it("reaches 99.9 % only by an operator's promotion of the standby, and says so", () => {
    const [join, signIn] = journeysOf("eu", [facts("eu", "primary"), facts("us", "standby")]);
    expect(join?.withPromotionPercent).toBeGreaterThan(99.99);
    expect(signIn?.verdict).toBe(
      "Below 99.9 %: up to 99 minutes a month are covered by no promise. " +
        "Only an operator's promotion of the standby brings more.",
    );
  });

  it("of getting a recording has a second bucket where the standby replicates", () => {
    const fleet = [facts("eu", "primary"), facts("us", "standby", { replicates: true })];
    expect(journeysOf("eu", fleet)[2]?.automaticPercent).toBe(99.8699);
  });

  it("above the target is said to be so", () => {
    const strong = facts("eu", "primary", { home: [balancer], nat: [] });
    const [, signIn] = journeysOf("eu", [strong]);
    expect(signIn).toMatchObject({
      belowTarget: false,
      verdict: "At or above the 99.9 % a fleet of several regions is for.",
    });
  });

  it("counts a media region's own cluster beside the primary's", () => {
    const [join] = journeysOf("ap", [facts("eu", "primary"), facts("ap", "media")]);
    expect(join?.chain.filter(({ id }) => id === "kubernetes")).toHaveLength(2);
  });
});

describe("The service levels that apply to a stack", () => {
  const config = stackOf(repositoryFiles(), "eu");
  const strongCache = {
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    numCacheClusters: 2,
  };
  const CACHE = "aws:elasticache/replicationGroup:ReplicationGroup";

  it("are the strong ones for two zones of everything", () => {
    const found = stackFacts(config, [
      resource("aws:eks/nodeGroup:NodeGroup", "system", {
        instanceTypes: ["m7i.large"],
        subnetIds: ["a", "b"],
        scalingConfig: { minSize: 2, maxSize: 3 },
      }),
      ...group("media-nodes", { instanceType: "c7i.large", min: 2, max: 3 }),
      resource(CACHE, "v", strongCache),
      resource("aws:rds/instance:Instance", "db", { multiAz: true }),
    ]);
    expect(found.home.map(({ id }) => id)).toEqual([
      "balancer",
      "kubernetes",
      "machines",
      "database",
      "cache",
    ]);
    expect(found.media.map(({ id }) => id)).toEqual([
      "balancer",
      "kubernetes",
      "machines",
      "machines",
      "cache",
    ]);
    expect(found.nat).toEqual([]);
  });

  it.each([
    [
      "one media node",
      group("media-nodes", { instanceType: "x", min: 1, max: 3 }),
      "media",
      "machine",
    ],
    [
      "a cache without failover",
      [resource(CACHE, "v", { numCacheClusters: 2 })],
      "media",
      "cacheSingle",
    ],
    [
      "a database in one zone",
      [resource("aws:rds/instance:Instance", "db")],
      "home",
      "databaseSingle",
    ],
  ] as const)("are the weak ones for %s", (_what, resources, part, id) => {
    expect(stackFacts(config, resources)[part].map((level) => level.id)).toContain(id);
  });

  it("have none for Cloudflare outside its Enterprise plan", () => {
    const zone = { zoneId: "z", accountId: "a", zoneName: "example.org" };
    const on = (plan: "standard" | "enterprise") =>
      stackFacts(
        {
          ...config,
          fleet: {
            ...config.fleet,
            dns: { provider: "cloudflare", ...zone, plan, monitorIntervalSeconds: 15 },
          },
        },
        [],
      ).dns?.id;
    expect([on("standard"), on("enterprise")]).toEqual([undefined, "cloudflareEnterprise"]);
  });
});
