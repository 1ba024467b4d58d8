import type { StackConfig } from "../infra/config.ts";
import type { CostEstimate } from "./costs.ts";
import { BROWSER } from "./failover.ts";
import type { FailoverBudget } from "./failover.ts";
import { machineGroups, virtualCpus } from "./machines.ts";
import type { QuotaNeed } from "./quotas.ts";
import type { Recorded } from "./recorded.ts";
import { flagAt, listAt, numberAt, ofType, textAt } from "./resources.ts";

/** Something the owner of a fleet should know before `pulumi up`. Each is one or two plain sentences. */
export interface Warning {
  readonly about:
    | "failover"
    | "protection"
    | "single point"
    | "residency"
    | "storage"
    | "access"
    | "scaling"
    | "quota"
    | "cost"
    | "keys"
    | "sample";
  readonly sentence: string;
}

/** What warnings are drawn from. */
export interface WarningInput {
  readonly config: StackConfig;
  readonly resources: readonly Recorded[];
  readonly failover: readonly FailoverBudget[];
  readonly quotas: readonly QuotaNeed[];
  readonly costs: CostEstimate;
  /** Where this stack's secrets are encrypted, as in its file: `awskms://…`; absent for a passphrase. */
  readonly secretsProvider?: string;
}

/** All warnings about one stack, most serious first. */
export function warningsOf(input: WarningInput): Warning[] {
  return [
    ...protection(input),
    ...failover(input),
    ...singlePoints(input),
    ...residency(input),
    ...storage(input),
    ...access(input),
    ...keys(input),
    ...quotas(input),
    ...scaling(input),
    ...costs(input),
    ...samples(input),
  ];
}

function protection({ config }: WarningInput): Warning[] {
  return config.protection.enabled
    ? []
    : [
        {
          about: "protection",
          sentence:
            `Protection is off ("${config.protection.reason}"): database, caches, bucket and cluster can be deleted. ` +
            `Remove meet:protection unless this region is about to be removed.`,
        },
      ];
}

function failover({ config, failover: budgets }: WarningInput): Warning[] {
  const slow = budgets
    .filter((budget) => !budget.withinBrowserPatience && !budget.afterPromotion)
    .map((budget): Warning => ({
      about: "failover",
      sentence:
        `${budget.name}: a lost region is noticed and left after up to ${budget.refusingSeconds} s, but a browser in a ` +
        `meeting gives up after ${BROWSER.givesUpAfterRefusalSeconds} s. ${cure(config, budget)}`,
    }));
  if (config.fleet.stores.kind === "external") {
    return [...slow, ...externalStores(config)];
  }
  const alone: Warning[] =
    config.fleet.standby === undefined
      ? [
          {
            about: "failover",
            sentence:
              "The fleet has no standby: when the primary is lost, nobody can sign in or begin a meeting until it is " +
              "restored. Give one region the role standby.",
          },
        ]
      : [];
  return [...slow, ...alone];
}

function externalStores({ fleet }: StackConfig): Warning[] {
  const alone =
    fleet.actives.length > 0
      ? ""
      : " Meet runs in one region: when that is lost, nobody can sign in. Give another the role active.";
  return [
    {
      about: "failover",
      sentence: `Meet's database and Valkey are yours: no figure here counts them, and all regions with Meet need the one Valkey.${alone}`,
    },
  ];
}

/** An interval below what the plan sells is refused by Cloudflare; the rest of the budget is its fixed TTL. */
function cure(config: StackConfig, budget: FailoverBudget): string {
  const { dns } = config.fleet;
  if (dns.provider === "route53" || budget.by === "route53") {
    return "Use a health check every 10 s with one failure and a TTL of 5 s.";
  }
  const least = dns.plan === "enterprise" ? 10 : 15;
  return dns.monitorIntervalSeconds > least
    ? `Lower meet:dns.monitorIntervalSeconds to ${least}, the least its plan allows.`
    : `The interval is the least its plan allows (${least} s), so people may have to join again by hand; Route 53 takes 31 s.`;
}

/** Whatever has one of its kind where two are needed, from the recorded resources. */
function singlePoints({ resources }: WarningInput): Warning[] {
  const found: string[] = [];
  for (const instance of ofType(resources, "aws:rds/instance:Instance")) {
    if (!flagAt(instance, "multiAz")) {
      found.push(`database ${instance.name} is in one zone`);
    }
  }
  for (const group of ofType(resources, "aws:elasticache/replicationGroup:ReplicationGroup")) {
    if ((numberAt(group, "numCacheClusters") ?? 1) < 2) {
      found.push(`Valkey ${group.name} has one node`);
    }
  }
  const subnets = ofType(resources, "aws:ec2/subnet:Subnet");
  const zones = new Set(subnets.map((subnet) => textAt(subnet, "availabilityZone"))).size;
  const gateways = ofType(resources, "aws:ec2/natGateway:NatGateway").length;
  if (gateways > 0 && gateways < zones) {
    found.push(`${gateways} NAT gateway serves ${zones} zones`);
  }
  for (const group of machineGroups(resources)) {
    // Egress may rest at nothing; a meeting and the system may not.
    if (group.min < 2 && !group.resource.name.includes("egress")) {
      found.push(`${group.resource.name} may run on ${group.min} machine`);
    }
  }
  return found.length === 0
    ? []
    : [
        {
          about: "single point",
          sentence: `One lost machine or zone interrupts this region: ${found.join("; ")}.`,
        },
      ];
}

function storage({ config }: WarningInput): Warning[] {
  const { storage: choice, expirationDays } = config.fleet.recordings;
  if (config.role !== "primary" || choice.kind === "regional") {
    return [];
  }
  const sentence =
    choice.kind === "single"
      ? "All recordings are in this region's bucket alone: while the region is lost nobody can fetch any or make new ones, " +
        "and there is no copy."
      : `Recordings are on S3-compatible storage, where nothing is set from here: have its buckets delete what is older ` +
        `than ${expirationDays} days, as Meet tells people, and keep copies if you want any.`;
  return [{ about: "storage", sentence }];
}

function residency({ config }: WarningInput): Warning[] {
  if (config.fleet.recordings.storage.kind !== "regional") {
    return [];
  }
  const homes = [config.fleet.primary, config.fleet.standby].filter((home) => home !== undefined);
  if (homes.every(({ residency: group }) => group === config.residency)) {
    return [];
  }
  return [
    {
      about: "residency",
      sentence:
        `Residency group ${config.residency} differs from that of the homes: recordings made here are kept here only ` +
        `and are not copied. They are lost with this region's bucket.`,
    },
  ];
}

function access({ resources }: WarningInput): Warning[] {
  return ofType(resources, "aws:eks/cluster:Cluster").flatMap((cluster): Warning[] => {
    const open = listAt(cluster, "vpcConfig.publicAccessCidrs");
    const isPublic = flagAt(cluster, "vpcConfig.endpointPublicAccess");
    if (isPublic && (open.length === 0 || open.includes("0.0.0.0/0") || open.includes("::/0"))) {
      return [
        {
          about: "access",
          sentence:
            "The cluster's API answers the whole internet (it still asks for credentials). " +
            "Set meet:cluster.publicAccessCidrs to where you deploy from.",
        },
      ];
    }
    return isPublic
      ? []
      : [
          {
            about: "access",
            sentence:
              "The cluster's API is reachable only from its own network: run pulumi there, or set " +
              "meet:cluster.publicAccessCidrs to where you deploy from.",
          },
        ];
  });
}

function keys({ secretsProvider }: WarningInput): Warning[] {
  const region = /[?&]region=([a-z0-9-]+)/.exec(secretsProvider ?? "")?.[1];
  return secretsProvider?.startsWith("awskms://") === true
    ? [
        {
          about: "keys",
          sentence:
            `Secrets are encrypted with an AWS key${region === undefined ? "" : ` in ${region}`}. When that region is ` +
            `lost, nothing can be deployed anywhere unless the key is a multi-Region key with a replica.`,
        },
      ]
    : [];
}

function quotas({ quotas: needs }: WarningInput): Warning[] {
  return needs
    .filter((need) => need.exceedsDefault)
    .map((need) => ({
      about: "quota",
      sentence:
        `${need.name} in ${need.scope}: the fleet needs ${need.neededByFleet}, a new account has ${need.awsDefault}. ` +
        `Ask for more before the first up (Service Quotas ${need.code}).`,
    }));
}

function scaling({ config, resources }: WarningInput): Warning[] {
  const unknown = machineGroups(resources).filter(
    (group) => virtualCpus(group.instanceType) === undefined,
  );
  return [
    ...(config.media.scaleIn === "manual" && config.media.max > config.media.min
      ? [
          {
            about: "scaling" as const,
            sentence:
              "Media nodes are added by load and removed only by hand (meet:media.scaleIn manual): after a busy day " +
              "they go on costing until an operator drains them.",
          },
        ]
      : []),
    ...unknown.map((group) => ({
      about: "scaling" as const,
      sentence: `Instance type ${group.instanceType} has no size known to this plan: its vCPUs are not counted.`,
    })),
  ];
}

function costs({ config, costs: estimate }: WarningInput): Warning[] {
  return estimate.withoutPrice.length === 0
    ? []
    : [
        {
          about: "cost",
          sentence:
            `No price for ${estimate.withoutPrice.join(", ")} in ${config.awsRegion}: the estimate is too low by them. ` +
            `Give them with --prices FILE.`,
        },
      ];
}

function samples({ config }: WarningInput): Warning[] {
  return /(^|\.)example\.(org|com|net)$|\.(example|test|invalid)$/.test(config.fleet.domain)
    ? [
        {
          about: "sample",
          sentence: `Domain ${config.fleet.domain} is the sample's: set meet:domain and meet:dns to your own zone.`,
        },
      ]
    : [];
}
