import { describe, expect, it } from "vitest";
import { estimateCosts } from "../../plan/costs.ts";
import { PriceTable } from "../../plan/prices.ts";
import type { Price } from "../../plan/prices.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { group, resource } from "./resources.ts";

const REGION = "eu-west-3";

/** Round prices, so that every figure below can be checked in the head. */
function prices(rows: Record<string, [number, Price["unit"]]>): PriceTable {
  return new PriceTable(
    Object.entries(rows).map(([item, [usd, unit]]) => ({
      item,
      usd,
      unit,
      region: "*",
      date: "2026-01-01",
      source: "https://example.org/prices",
      unverified: false,
    })),
    {},
    {
      hoursPerMonth: 100,
      receivedMbps: 2,
      participantsPerVirtualCpu: 10,
      recordingGbPerHour: 1,
    },
  );
}

const TABLE = prices({
  "ec2.c7i.xlarge": [0.4, "hour"],
  "ebs.gp3": [0.1, "GB-month"],
  "public-ipv4": [0.01, "hour"],
  "nat-gateway": [0.05, "hour"],
  "load-balancer.application": [0.02, "hour"],
  "load-balancer.network": [0.03, "hour"],
  "eks.cluster": [0.1, "hour"],
  "rds.db.m7g.large": [0.2, "hour"],
  "rds.storage.gp3": [0.1, "GB-month"],
  "elasticache.valkey.cache.t4g.small": [0.03, "hour"],
  "kms.key": [1, "month"],
  "route53.health-check": [0.5, "month"],
  "route53.health-check-option": [1, "month"],
  "vpc.interface-endpoint": [0.01, "hour"],
  "transfer.internet": [0.1, "GB"],
  "transfer.inter-region": [0.02, "GB"],
  "s3.storage": [0.02, "GB-month"],
  "cloudflare.load-balancer": [5, "month"],
  "cloudflare.load-balancer-endpoint": [5, "month"],
});

const CASES: [string, Recorded[], number][] = [
  ["a NAT gateway by the hour", [resource("aws:ec2/natGateway:NatGateway", "n")], 5],
  ["an Elastic IP as a public address", [resource("aws:ec2/eip:Eip", "e")], 1],
  ["a control plane by the hour", [resource("aws:eks/cluster:Cluster", "c")], 10],
  ["an encryption key by the month", [resource("aws:kms/key:Key", "k")], 1],
  [
    "a gateway endpoint as free",
    [resource("aws:ec2/vpcEndpoint:VpcEndpoint", "s3", { vpcEndpointType: "Gateway" })],
    0,
  ],
  [
    "an interface endpoint once per zone",
    [
      resource("aws:ec2/vpcEndpoint:VpcEndpoint", "ecr", {
        vpcEndpointType: "Interface",
        subnetIds: ["a", "b"],
      }),
    ],
    2,
  ],
  [
    "an application balancer with one address per subnet",
    [
      resource("aws:lb/loadBalancer:LoadBalancer", "web", {
        loadBalancerType: "application",
        subnets: ["a", "b", "c"],
      }),
    ],
    2 + 3,
  ],
  [
    "a network balancer without the addresses it brings",
    [
      resource("aws:lb/loadBalancer:LoadBalancer", "turn", {
        loadBalancerType: "network",
        subnetMappings: [{ allocationId: "eip" }],
      }),
    ],
    3,
  ],
  [
    "an internal balancer without addresses",
    [resource("aws:lb/loadBalancer:LoadBalancer", "in", { internal: true, subnets: ["a", "b"] })],
    2,
  ],
  [
    "a database in one zone",
    [
      resource("aws:rds/instance:Instance", "db", {
        instanceClass: "db.m7g.large",
        allocatedStorage: 100,
      }),
    ],
    20 + 10,
  ],
  [
    "a Multi-AZ database as two instances with two disks",
    [
      resource("aws:rds/instance:Instance", "db", {
        instanceClass: "db.m7g.large",
        allocatedStorage: 100,
        multiAz: true,
      }),
    ],
    40 + 20,
  ],
  [
    "every node of a cache",
    [
      resource("aws:elasticache/replicationGroup:ReplicationGroup", "v", {
        nodeType: "cache.t4g.small",
        numCacheClusters: 2,
      }),
    ],
    6,
  ],
  [
    "a plain HTTP health check without options",
    [resource("aws:route53/healthCheck:HealthCheck", "h", { type: "HTTP", requestInterval: 30 })],
    0.5,
  ],
  [
    "HTTPS and a fast interval as two options of a health check",
    [resource("aws:route53/healthCheck:HealthCheck", "h", { type: "HTTPS", requestInterval: 10 })],
    2.5,
  ],
  [
    "an autoscaling group at its smallest size, with disks",
    group("media-nodes", { instanceType: "c7i.xlarge", min: 2, max: 9 }),
    2 * 40 + 2 * 4,
  ],
  [
    "the public address of every media node",
    group("media-nodes", { instanceType: "c7i.xlarge", min: 2, max: 9, publicAddress: true }),
    2 * 40 + 2 * 4 + 2 * 1,
  ],
  [
    "a managed node group by its own instance type",
    [
      resource("aws:eks/nodeGroup:NodeGroup", "system", {
        instanceTypes: ["c7i.xlarge"],
        scalingConfig: { minSize: 1, desiredSize: 3, maxSize: 4 },
        diskSize: 10,
      }),
    ],
    3 * 40 + 3,
  ],
  [
    "a Cloudflare balancer and every origin of its pools",
    [
      resource("cloudflare:index/loadBalancer:LoadBalancer", "livekit"),
      resource("cloudflare:index/loadBalancerPool:LoadBalancerPool", "pool", {
        origins: [{}, {}],
      }),
    ],
    15,
  ],
];

describe("The fixed costs", () => {
  it.each(CASES)("count %s", (_what, resources, usd) => {
    expect(estimateCosts(resources, REGION, TABLE).fixedUsdPerMonth).toBe(usd);
  });

  it("stand under the component at the top of the tree", () => {
    const web = resource("meet:edge:Web", "web");
    const balancer = resource("meet:edge:ApplicationBalancer", "inner", {}, { parent: web.urn });
    const key = resource("aws:kms/key:Key", "key", {}, { parent: balancer.urn });
    expect(estimateCosts([web, balancer, key], REGION, TABLE).byComponent).toEqual([
      { component: "web", usdPerMonth: 1 },
    ]);
  });

  it("name what has no price instead of counting it as nothing", () => {
    const { withoutPrice, fixedUsdPerMonth } = estimateCosts(
      group("media-nodes", { instanceType: "x9.huge", min: 1, max: 1 }),
      REGION,
      TABLE,
    );
    expect(withoutPrice).toEqual(["ec2.x9.huge"]);
    expect(fixedUsdPerMonth).toBe(4);
  });

  it("use the prices of the region that a resource names", () => {
    const table = new PriceTable(
      ["us-east-1", "eu-west-3"].map((region, index) => ({
        item: "nat-gateway",
        usd: index + 1,
        unit: "hour",
        region,
        date: "2026-01-01",
        source: "https://example.org",
        unverified: false,
      })),
      {},
      TABLE.assumptions,
    );
    const there = resource("aws:ec2/natGateway:NatGateway", "n", { region: "us-east-1" });
    expect(estimateCosts([there], REGION, table).fixedUsdPerMonth).toBe(100);
  });
});

describe("The cost of use", () => {
  it("of a participant-hour is what is sent plus a share of a full media node", () => {
    const { usage } = estimateCosts(
      group("media-nodes", { instanceType: "c7i.xlarge", min: 1, max: 1 }),
      REGION,
      TABLE,
    );
    // 0.9 GB × $0.1, and $0.4 for 4 vCPUs of ten participants each.
    expect(usage).toHaveLength(1);
    expect(usage[0]).toMatchObject({ per: "participant-hour", usd: 0.1 });
  });

  it("of a recorded hour counts machines, every copy and the way to it", () => {
    const { usage } = estimateCosts(
      [
        ...group("egress-nodes", { instanceType: "c7i.xlarge", min: 1, max: 1 }),
        resource("aws:s3/bucketReplicationConfig:BucketReplicationConfig", "r", {
          rules: [{}, {}],
        }),
      ],
      REGION,
      TABLE,
    );
    expect(usage[1]).toMatchObject({ per: "recorded hour", usd: 0.4 + 0.06 + 0.04 });
  });
});
