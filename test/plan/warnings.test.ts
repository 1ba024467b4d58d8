import { describe, expect, it } from "vitest";
import type { StackConfig } from "../../infra/config.ts";
import { estimateCosts } from "../../plan/costs.ts";
import { cloudflareFailover, route53Failover } from "../../plan/failover.ts";
import { loadPrices } from "../../plan/prices.ts";
import { quotaNeeds } from "../../plan/quotas.ts";
import type { Recorded } from "../../plan/recorded.ts";
import { warningsOf } from "../../plan/warnings.ts";
import type { WarningInput } from "../../plan/warnings.ts";
import { repositoryFiles, stackOf } from "../support/fleets.ts";
import { group, resource } from "./resources.ts";

const eu = stackOf(repositoryFiles(), "eu");

/** A configuration about which there is nothing to say, so that each test sees its own warning only. */
const calm: StackConfig = {
  ...eu,
  media: { ...eu.media, scaleIn: "automatic" },
  fleet: { ...eu.fleet, domain: "meet.city.fr" },
};

function sentences(
  resources: readonly Recorded[] = [],
  rest: Partial<WarningInput> = {},
): string[] {
  return warningsOf({
    config: calm,
    resources,
    failover: [],
    quotas: [],
    costs: estimateCosts(resources, calm.awsRegion, loadPrices()),
    ...rest,
  }).map(({ sentence }) => sentence);
}

const cluster = (vpcConfig: object): Recorded =>
  resource("aws:eks/cluster:Cluster", "cluster", { vpcConfig });

describe("A warning", () => {
  it("is not given where there is nothing to say", () => {
    expect(sentences()).toEqual([]);
  });

  it("repeats the reason for which protection is off", () => {
    const config = { ...calm, protection: { enabled: false, reason: "region moves" } as const };
    expect(sentences([], { config })).toEqual([
      'Protection is off ("region moves"): database, caches, bucket and cluster can be deleted. ' +
        "Remove meet:protection unless this region is about to be removed.",
    ]);
  });

  it.each([
    [60, "standard", "Lower meet:dns.monitorIntervalSeconds to 15, the least its plan allows."],
    [60, "enterprise", "Lower meet:dns.monitorIntervalSeconds to 10, the least its plan allows."],
    [
      15,
      "standard",
      "The interval is the least its plan allows (15 s), so people may have to join again by hand; Route 53 takes 31 s.",
    ],
  ] as const)(
    "says that Cloudflare's %i s on plan %s outlast a browser's patience",
    (monitorIntervalSeconds, plan, advice) => {
      const slow = cloudflareFailover({
        name: "livekit.example.org",
        intervalSeconds: monitorIntervalSeconds,
        timeoutSeconds: 5,
        retries: 0,
        consecutiveDown: 1,
        ttlSeconds: 30,
      });
      const zone = { zoneId: "z", accountId: "a", zoneName: "example.org" };
      const dns = { provider: "cloudflare", ...zone, plan, monitorIntervalSeconds } as const;
      const config = { ...calm, fleet: { ...calm.fleet, dns } };
      expect(sentences([], { config, failover: [slow] })).toEqual([
        `livekit.example.org: a lost region is noticed and left after up to ${monitorIntervalSeconds + 43} s, but a browser ` +
          `in a meeting gives up after 49 s. ${advice}`,
      ]);
    },
  );

  it("tells Route 53's cure, and none for a name that only a promotion moves", () => {
    const options = {
      name: "x.example.org",
      intervalSeconds: 30,
      failureThreshold: 3,
      ttlSeconds: 60,
    };
    expect(sentences([], { failover: [route53Failover(options)] })[0]).toMatch(
      /up to 166 s, .* Use a health check every 10 s with one failure and a TTL of 5 s\.$/,
    );
    expect(
      sentences([], { failover: [route53Failover({ ...options, afterPromotion: true })] }),
    ).toEqual([]);
  });

  it("says what a fleet without a standby loses", () => {
    const files = repositoryFiles();
    files.delete("Pulumi.us.yaml");
    const { fleet } = stackOf(files, "eu");
    const config = { ...calm, fleet: { ...fleet, domain: calm.fleet.domain } };
    expect(sentences([], { config })).toEqual([
      "The fleet has no standby: when the primary is lost, nobody can sign in or begin a meeting until it is restored. " +
        "Give one region the role standby.",
    ]);
  });

  it("lists all single points of a region in one sentence", () => {
    const subnets = ["a", "b"].map((zone) =>
      resource("aws:ec2/subnet:Subnet", zone, { availabilityZone: `eu-west-3${zone}` }),
    );
    expect(
      sentences([
        resource("aws:rds/instance:Instance", "db", {
          instanceClass: "db.t4g.small",
          allocatedStorage: 1,
        }),
        resource("aws:elasticache/replicationGroup:ReplicationGroup", "valkey", {
          nodeType: "cache.t4g.small",
          numCacheClusters: 1,
        }),
        ...subnets,
        resource("aws:ec2/natGateway:NatGateway", "nat"),
        ...group("media-nodes", { instanceType: "c7i.large", min: 1, max: 2 }),
        ...group("egress-nodes", { instanceType: "c7i.large", min: 0, max: 2 }),
      ]),
    ).toEqual([
      "One lost machine or zone interrupts this region: database db is in one zone; Valkey valkey has one node; " +
        "1 NAT gateway serves 2 zones; media-nodes may run on 1 machine.",
    ]);
  });

  it.each([
    [
      { kind: "single" as const },
      "All recordings are in this region's bucket alone: while the region is lost nobody can fetch any or make new ones, and there is no copy.",
    ],
    [
      { kind: "s3-compatible" as const, regions: {} },
      "Recordings are on S3-compatible storage, where nothing is set from here: have its buckets delete what is older than 90 days, as Meet tells people, and keep copies if you want any.",
    ],
  ])("says what a choice of storage leaves to the owner: %o", (storage, sentence) => {
    const recordings = { ...calm.fleet.recordings, storage };
    const config = { ...calm, fleet: { ...calm.fleet, recordings } };
    expect(sentences([], { config })).toContain(sentence);
    expect(sentences([], { config: { ...config, role: "media" } })).not.toContain(sentence);
  });

  it("says that a region of another residency group keeps its recordings alone", () => {
    expect(sentences([], { config: { ...calm, residency: "jp" } })).toEqual([
      "Residency group jp differs from that of the homes: recordings made here are kept here only and are not copied. " +
        "They are lost with this region's bucket.",
    ]);
  });

  it.each([
    [
      { endpointPublicAccess: true, publicAccessCidrs: ["0.0.0.0/0"] },
      /answers the whole internet/,
    ],
    [{ endpointPublicAccess: true }, /answers the whole internet/],
    [{ endpointPublicAccess: false }, /reachable only from its own network: run pulumi there/],
  ])("judges who reaches the cluster's API: %j", (vpcConfig, sentence) => {
    expect(sentences([cluster(vpcConfig)])).toEqual([expect.stringMatching(sentence)]);
  });

  it("is silent about an API that answers named ranges only", () => {
    expect(
      sentences([cluster({ endpointPublicAccess: true, publicAccessCidrs: ["203.0.113.0/24"] })]),
    ).toEqual([]);
  });

  it("says that secrets must survive the region of their key", () => {
    expect(sentences([], { secretsProvider: "awskms://alias/meet?region=eu-west-3" })).toEqual([
      "Secrets are encrypted with an AWS key in eu-west-3. When that region is lost, nothing can be deployed anywhere " +
        "unless the key is a multi-Region key with a replica.",
    ]);
    expect(sentences([], { secretsProvider: "passphrase" })).toEqual([]);
  });

  it("names the quota to raise and its code", () => {
    const resources = [1, 2, 3, 4, 5, 6].map((index) => resource("aws:ec2/eip:Eip", `e${index}`));
    const quotas = quotaNeeds([{ stack: "eu", awsRegion: "eu-west-3", resources }]).get("eu") ?? [];
    expect(sentences(resources, { quotas })).toEqual([
      "Elastic IP addresses in eu-west-3: the fleet needs 6, a new account has 5. " +
        "Ask for more before the first up (Service Quotas L-0263D0A3).",
    ]);
  });

  it("says that media nodes stay until somebody drains them", () => {
    expect(sentences([], { config: { ...calm, media: eu.media } })).toEqual([
      "Media nodes are added by load and removed only by hand (meet:media.scaleIn manual): after a busy day they go on " +
        "costing until an operator drains them.",
    ]);
  });

  it("admits what it cannot count", () => {
    const unknown = group("media-nodes", { instanceType: "c7i.metal", min: 2, max: 2 });
    expect(sentences(unknown)).toEqual([
      "Instance type c7i.metal has no size known to this plan: its vCPUs are not counted.",
      "No price for ec2.c7i.metal in eu-west-3: the estimate is too low by them. Give them with --prices FILE.",
    ]);
  });

  it.each([
    ["example.org", true],
    ["video.example.com", true],
    ["fleet.test", true],
    ["notexample.org", false],
    ["meet.city.fr", false],
  ])("tells the sample's domain %s: %s", (domain, warned) => {
    const config = { ...calm, fleet: { ...calm.fleet, domain } };
    expect(sentences([], { config })).toHaveLength(warned ? 1 : 0);
  });
});
