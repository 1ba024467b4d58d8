import type { StackConfig } from "../infra/config.ts";
import { machineGroups } from "./machines.ts";
import type { Recorded } from "./recorded.ts";
import { flagAt, listAt, numberAt, ofType } from "./resources.ts";
import { SERVICE_LEVELS, TARGET_PERCENT } from "./service-levels.ts";
import type { ServiceLevel } from "./service-levels.ts";

/** Something a person does, and what the published service levels add up to for it. */
export interface Journey {
  readonly journey: "join a meeting" | "sign in" | "get a recording";
  /** Every service the journey needs, in series, with this one region only. */
  readonly chain: readonly ServiceLevel[];
  readonly oneRegionPercent: number;
  /** With the regions that take over by themselves; equal to one region where none does. */
  readonly automaticPercent: number;
  /** With the standby as well, which takes over only when an operator promotes it. */
  readonly withPromotionPercent?: number;
  readonly belowTarget: boolean;
  readonly verdict: string;
}

/** The parts of a stack that decide about availability, from its recorded resources. */
export interface StackFacts {
  readonly stack: string;
  readonly role: StackConfig["role"];
  readonly dns: ServiceLevel | undefined;
  /** What a region needs to host a meeting, beyond what a home in the same cluster has anyway. */
  readonly mediaOwn: readonly ServiceLevel[];
  /** What a region needs to host a meeting. */
  readonly media: readonly ServiceLevel[];
  /** What a home needs to sign people in and hand out tokens. */
  readonly home: readonly ServiceLevel[];
  readonly nat: readonly ServiceLevel[];
  readonly replicates: boolean;
}

/** Reads from the recorded resources which service levels apply to a stack. */
export function stackFacts(config: StackConfig, resources: readonly Recorded[]): StackFacts {
  const machines = machineGroups(resources);
  const isMedia = (name: string): boolean => name.includes("media");
  const system = machines.filter(({ resource }) => resource.type.startsWith("aws:eks/"));
  const media = machines.filter(({ resource }) => isMedia(resource.name));
  const caches = ofType(resources, "aws:elasticache/replicationGroup:ReplicationGroup");
  const cache = caches.every(hasFailover) ? SERVICE_LEVELS.cache : SERVICE_LEVELS.cacheSingle;
  const instances = ofType(resources, "aws:rds/instance:Instance");
  const database = instances.every((instance) => flagAt(instance, "multiAz"))
    ? SERVICE_LEVELS.database
    : SERVICE_LEVELS.databaseSingle;
  const spread = (groups: typeof machines): ServiceLevel =>
    groups.length > 0 && groups.every((group) => group.min >= 2 && group.zones >= 2)
      ? SERVICE_LEVELS.machines
      : SERVICE_LEVELS.machine;
  const { balancer, kubernetes, nat } = SERVICE_LEVELS;
  const gateways = ofType(resources, "aws:ec2/natGateway:NatGateway").length;
  return {
    stack: config.stack,
    role: config.role,
    dns: dnsLevel(config),
    mediaOwn: [balancer, spread(media), cache],
    media: [balancer, kubernetes, spread(system), spread(media), cache],
    home: [balancer, kubernetes, spread(system), database, cache],
    nat: gateways > 0 ? [nat] : [],
    replicates:
      ofType(resources, "aws:s3/bucketReplicationConfig:BucketReplicationConfig").length > 0,
  };
}

function hasFailover(group: Recorded): boolean {
  return (
    flagAt(group, "automaticFailoverEnabled") &&
    flagAt(group, "multiAzEnabled") &&
    (numberAt(group, "numCacheClusters") ?? listAt(group, "preferredCacheClusterAzs").length) >= 2
  );
}

function dnsLevel(config: StackConfig): ServiceLevel | undefined {
  const { dns } = config.fleet;
  if (dns.provider === "route53") {
    return SERVICE_LEVELS.route53;
  }
  return dns.plan === "enterprise" ? SERVICE_LEVELS.cloudflareEnterprise : undefined;
}

/** Percentages in series: all must work. */
export function inSeries(percents: readonly number[]): number {
  return percents.reduce((product, percent) => (product * percent) / 100, 100);
}

/** Percentages side by side: one must work. They are taken as independent, which no provider promises. */
export function inParallel(percents: readonly number[]): number {
  return 100 - percents.reduce((product, percent) => (product * (100 - percent)) / 100, 100);
}

/**
 * The three journeys of the people who enter through one region. Signing in and the database live in the primary, so
 * every region's figure contains the primary's; only an operator's promotion replaces it, or an active region beside it.
 */
export function journeysOf(stack: string, fleet: readonly StackFacts[]): Journey[] {
  const here = fleet.find((facts) => facts.stack === stack);
  const primary = fleet.find(({ role }) => role === "primary");
  if (here === undefined || primary === undefined) {
    return [];
  }
  const standby = fleet.find(({ role }) => role === "standby");
  const dns = primary.dns === undefined ? [] : [primary.dns];
  const others = fleet.filter((facts) => facts.stack !== stack);
  const signIn = [...dns, ...primary.home, ...primary.nat];
  const token = [...dns, ...primary.home];
  // Where several regions serve Meet, the name leaves out one that is lost; two are counted.
  const serving = [primary, ...fleet.filter(({ role }) => role === "active").slice(0, 1)];
  const anywhere = (chainOf: (facts: StackFacts) => readonly ServiceLevel[]): number =>
    inSeries([percentOf(dns), inParallel(serving.map((facts) => percentOf(chainOf(facts))))]);
  const tokenAnywhere = anywhere(({ home }) => home);
  const signInAnywhere = anywhere(({ home, nat }) => [...home, ...nat]);
  const media = percentOf(here.media);
  const mediaAnywhere = inParallel([
    media,
    ...others.slice(0, 1).map((one) => percentOf(one.media)),
  ]);
  const promoted = (chain: number): number | undefined =>
    standby === undefined ? undefined : inParallel([chain, percentOf(standby.home)]);
  // The primary's cluster and system machines are in its home's chain already.
  const hosting = here.role === "primary" ? here.mediaOwn : here.media;
  const recordings = standby !== undefined && standby.replicates ? [100, 100] : [100];
  const bucket = inParallel(recordings.map(() => SERVICE_LEVELS.bucket.percent));
  return [
    journey("join a meeting", [...token, ...hosting], inSeries([tokenAnywhere, mediaAnywhere]), {
      promoted: promoted(percentOf(token)),
      rest: mediaAnywhere,
    }),
    journey("sign in", signIn, signInAnywhere, {
      promoted: promoted(percentOf(signIn)),
      rest: 100,
    }),
    journey(
      "get a recording",
      [...token, SERVICE_LEVELS.bucket],
      inSeries([tokenAnywhere, bucket]),
      { promoted: promoted(percentOf(token)), rest: bucket },
    ),
  ];
}

function percentOf(chain: readonly ServiceLevel[]): number {
  return inSeries(chain.map(({ percent }) => percent));
}

function journey(
  name: Journey["journey"],
  chain: readonly ServiceLevel[],
  automatic: number,
  failover: { readonly promoted: number | undefined; readonly rest: number },
): Journey {
  const oneRegionPercent = rounded(percentOf(chain));
  const automaticPercent = rounded(automatic);
  const withPromotion =
    failover.promoted === undefined
      ? undefined
      : rounded(inSeries([failover.promoted, failover.rest]));
  const belowTarget = automaticPercent < TARGET_PERCENT;
  return {
    journey: name,
    chain,
    oneRegionPercent,
    automaticPercent,
    ...(withPromotion === undefined ? {} : { withPromotionPercent: withPromotion }),
    belowTarget,
    verdict: verdict(automaticPercent, withPromotion, belowTarget),
  };
}

function verdict(
  automatic: number,
  withPromotion: number | undefined,
  belowTarget: boolean,
): string {
  if (!belowTarget) {
    return `At or above the ${TARGET_PERCENT} % a fleet of several regions is for.`;
  }
  const minutes = Math.round(((100 - automatic) / 100) * 30 * 24 * 60);
  const below = `Below ${TARGET_PERCENT} %: up to ${minutes} minutes a month are covered by no promise.`;
  return withPromotion === undefined || withPromotion < TARGET_PERCENT
    ? below
    : `${below} Only an operator's promotion of the standby brings more.`;
}

function rounded(percent: number): number {
  return Math.floor(percent * 10_000) / 10_000;
}

/** What the figures take for granted, in words a newcomer understands. */
export const AVAILABILITY_ASSUMPTIONS: readonly string[] = [
  "Published service levels say what AWS refunds, not what it measures; real availability is usually higher.",
  "Services of one region are counted in series, two regions as independent of each other.",
  "The EKS control plane is counted as if nothing ran without it; running pods in fact go on.",
  "The identity provider, the mail server, the software itself, upgrades and people's own networks are not counted.",
  "The standby counts only after an operator has promoted it; until then nobody can sign in when the primary is lost.",
];
