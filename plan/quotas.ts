import { isSpot, isStandardFamily, machineGroups, virtualCpus } from "./machines.ts";
import type { Recorded } from "./recorded.ts";
import { awsRegionOf, ofType, textAt } from "./resources.ts";

/** One AWS quota against what this stack, and all stacks in the same scope, need. */
export interface QuotaNeed {
  readonly name: string;
  /** Code for `aws service-quotas get-service-quota`. */
  readonly code: string;
  /** An AWS region, or `account` for global services. */
  readonly scope: string;
  /** What this stack needs. */
  readonly needed: number;
  /** What all stacks of the fleet need in this scope together. */
  readonly neededByFleet: number;
  /** What a new account has (AWS General Reference, endpoints and quotas of the service). */
  readonly awsDefault: number;
  readonly exceedsDefault: boolean;
  readonly source: string;
}

interface Quota {
  readonly name: string;
  readonly code: string;
  readonly awsDefault: number;
  readonly source: string;
  readonly global?: boolean;
  /** How much one stack uses, by AWS region. */
  readonly use: (
    resources: readonly Recorded[],
    stackRegion: string,
  ) => ReadonlyMap<string, number>;
}

const VPC_QUOTAS = "https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html";
const REFERENCE = "https://docs.aws.amazon.com/general/latest/gr";

/** Defaults of a new account that a fleet meets first, as of 2025-06. */
const QUOTAS: readonly Quota[] = [
  {
    name: "vCPUs of running On-Demand Standard instances, at the largest scale",
    code: "L-1216C47A",
    awsDefault: 5,
    source: "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html",
    use: virtualCpuUse,
  },
  {
    name: "Elastic IP addresses",
    code: "L-0263D0A3",
    awsDefault: 5,
    source: VPC_QUOTAS,
    use: counted("aws:ec2/eip:Eip"),
  },
  {
    name: "VPCs",
    code: "L-F678F1CE",
    awsDefault: 5,
    source: VPC_QUOTAS,
    use: counted("aws:ec2/vpc:Vpc"),
  },
  {
    name: "NAT gateways, compared with the limit of one zone",
    code: "L-FE5A380F",
    awsDefault: 5,
    source: VPC_QUOTAS,
    use: counted("aws:ec2/natGateway:NatGateway"),
  },
  {
    name: "Application load balancers",
    code: "L-53DA6B97",
    awsDefault: 50,
    source:
      "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html",
    use: counted(
      "aws:lb/loadBalancer:LoadBalancer",
      (balancer) => textAt(balancer, "loadBalancerType") !== "network",
    ),
  },
  {
    name: "Network load balancers",
    code: "L-69A177A2",
    awsDefault: 50,
    source:
      "https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-limits.html",
    use: counted(
      "aws:lb/loadBalancer:LoadBalancer",
      (balancer) => textAt(balancer, "loadBalancerType") === "network",
    ),
  },
  {
    name: "EKS clusters",
    code: "L-1194D53C",
    awsDefault: 100,
    source: "https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html",
    use: counted("aws:eks/cluster:Cluster"),
  },
  {
    name: "RDS instances",
    code: "L-7B6409FD",
    awsDefault: 40,
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html",
    use: counted("aws:rds/instance:Instance"),
  },
  {
    name: "Route 53 health checks",
    code: "L-ACB674F3",
    awsDefault: 200,
    source: `${REFERENCE}/r53.html`,
    global: true,
    use: counted("aws:route53/healthCheck:HealthCheck"),
  },
];

/** What a quota calculation needs of one stack. */
export interface QuotaInput {
  readonly stack: string;
  readonly awsRegion: string;
  readonly resources: readonly Recorded[];
}

/** The quotas each stack needs, with what the whole fleet needs in the same region of the account. Pure and linear. */
export function quotaNeeds(fleet: readonly QuotaInput[]): Map<string, QuotaNeed[]> {
  const needs = new Map<string, QuotaNeed[]>(fleet.map(({ stack }) => [stack, []]));
  for (const quota of QUOTAS) {
    const uses = fleet.map(({ stack, awsRegion, resources }) => ({
      stack,
      byScope: scoped(quota, quota.use(resources, awsRegion)),
    }));
    const totals = new Map<string, number>();
    for (const [scope, amount] of uses.flatMap(({ byScope }) => [...byScope])) {
      totals.set(scope, (totals.get(scope) ?? 0) + amount);
    }
    for (const { stack, byScope } of uses) {
      for (const [scope, needed] of byScope) {
        const neededByFleet = totals.get(scope) ?? needed;
        const { name, code, awsDefault, source } = quota;
        const exceedsDefault = neededByFleet > awsDefault;
        needs
          .get(stack)
          ?.push({ name, code, scope, needed, neededByFleet, awsDefault, exceedsDefault, source });
      }
    }
  }
  return needs;
}

function scoped(quota: Quota, use: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  if (quota.global !== true || use.size === 0) {
    return use;
  }
  return new Map([["account", [...use.values()].reduce((sum, amount) => sum + amount, 0)]]);
}

function counted(
  type: string,
  matches: (resource: Recorded) => boolean = () => true,
): Quota["use"] {
  return (resources, stackRegion) => {
    const use = new Map<string, number>();
    for (const resource of ofType(resources, type).filter(matches)) {
      const region = awsRegionOf(resource, stackRegion);
      use.set(region, (use.get(region) ?? 0) + 1);
    }
    return use;
  };
}

function virtualCpuUse(
  resources: readonly Recorded[],
  stackRegion: string,
): ReadonlyMap<string, number> {
  const use = new Map<string, number>();
  for (const group of machineGroups(resources)) {
    if (isStandardFamily(group.instanceType) && !isSpot(group.resource)) {
      const region = awsRegionOf(group.resource, stackRegion);
      const cpus = (virtualCpus(group.instanceType) ?? 0) * group.max;
      use.set(region, (use.get(region) ?? 0) + cpus);
    }
  }
  return use;
}
