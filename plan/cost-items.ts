import { machineGroups } from "./machines.ts";
import type { Recorded } from "./recorded.ts";
import { awsRegionOf, flagAt, listAt, numberAt, textAt } from "./resources.ts";

/** Something that costs the same whether it is used or not. */
export interface CostItem {
  readonly resource: Recorded;
  readonly what: string;
  /** Key of the price table. */
  readonly item: string;
  readonly quantity: number;
  readonly awsRegion: string;
}

type Part = Pick<CostItem, "what" | "item" | "quantity">;

/** What a resource of each type is billed for by the hour or the month, from its own inputs. */
const BILLED: Readonly<Record<string, (resource: Recorded) => readonly Part[]>> = {
  "aws:ec2/natGateway:NatGateway": () => [one("NAT gateway", "nat-gateway")],
  "aws:ec2/eip:Eip": () => [one("public IPv4 address", "public-ipv4")],
  "aws:ec2/vpcEndpoint:VpcEndpoint": (endpoint) =>
    textAt(endpoint, "vpcEndpointType") === "Interface"
      ? [
          {
            ...one("interface endpoint, per zone", "vpc.interface-endpoint"),
            quantity: Math.max(1, listAt(endpoint, "subnetIds").length),
          },
        ]
      : [],
  "aws:lb/loadBalancer:LoadBalancer": loadBalancer,
  "aws:eks/cluster:Cluster": () => [one("control plane", "eks.cluster")],
  "aws:rds/instance:Instance": database,
  "aws:elasticache/replicationGroup:ReplicationGroup": (group) => [
    {
      what: `Valkey node ${textAt(group, "nodeType") ?? "unknown"}`,
      item: `elasticache.valkey.${textAt(group, "nodeType") ?? "unknown"}`,
      quantity: numberAt(group, "numCacheClusters") ?? 1,
    },
  ],
  "aws:kms/key:Key": () => [one("encryption key", "kms.key")],
  "aws:kms/replicaKey:ReplicaKey": () => [one("encryption key", "kms.key")],
  "aws:secretsmanager/secret:Secret": () => [one("stored secret", "secretsmanager.secret")],
  "aws:cloudwatch/metricAlarm:MetricAlarm": () => [one("alarm", "cloudwatch.alarm")],
  "aws:route53/healthCheck:HealthCheck": healthCheck,
  "aws:route53/zone:Zone": () => [one("hosted zone", "route53.zone")],
  "cloudflare:index/loadBalancer:LoadBalancer": () => [
    one("Cloudflare load balancer", "cloudflare.load-balancer"),
  ],
  "cloudflare:index/loadBalancerPool:LoadBalancerPool": (pool) => [
    {
      ...one("Cloudflare endpoint", "cloudflare.load-balancer-endpoint"),
      quantity: listAt(pool, "origins").length,
    },
  ],
};

/** All fixed items of a stack: machines at their smallest number, and what BILLED names. */
export function fixedItems(resources: readonly Recorded[], stackRegion: string): CostItem[] {
  const machines = machineGroups(resources).flatMap((group): CostItem[] => {
    const awsRegion = awsRegionOf(group.resource, stackRegion);
    const base = { resource: group.resource, awsRegion };
    return [
      {
        ...base,
        what: `${group.instanceType} instance`,
        item: `ec2.${group.instanceType}`,
        quantity: group.min,
      },
      { ...base, what: "GB of disk", item: "ebs.gp3", quantity: group.min * group.diskGib },
      ...(group.publicAddress
        ? [{ ...base, what: "public IPv4 address", item: "public-ipv4", quantity: group.min }]
        : []),
    ];
  });
  const others = resources.flatMap((resource) =>
    (BILLED[resource.type]?.(resource) ?? []).map((part) => ({
      ...part,
      resource,
      awsRegion: awsRegionOf(resource, stackRegion),
    })),
  );
  return [...machines, ...others].filter((item) => item.quantity > 0);
}

function one(what: string, item: string, quantity = 1): Part {
  return { what, item, quantity };
}

/** An internet-facing balancer also has one public address per subnet; a network balancer brings its own. */
function loadBalancer(balancer: Recorded): readonly Part[] {
  const network = textAt(balancer, "loadBalancerType") === "network";
  const kind = network ? "network" : "application";
  const parts = [one(`${kind} load balancer`, `load-balancer.${kind}`)];
  if (flagAt(balancer, "internal") || network) {
    return parts;
  }
  return [
    ...parts,
    one("public IPv4 address", "public-ipv4", Math.max(2, listAt(balancer, "subnets").length)),
  ];
}

/** Multi-AZ is billed as two instances with two disks (Amazon RDS for PostgreSQL pricing). */
function database(instance: Recorded): readonly Part[] {
  const copies = flagAt(instance, "multiAz") ? 2 : 1;
  const instanceClass = textAt(instance, "instanceClass") ?? "unknown";
  return [
    {
      what: `database instance ${instanceClass}`,
      item: `rds.${instanceClass}`,
      quantity: copies,
    },
    {
      what: "GB of database storage",
      item: "rds.storage.gp3",
      quantity: copies * (numberAt(instance, "allocatedStorage") ?? 0),
    },
  ];
}

/** HTTPS, a ten-second interval, a string match and latency graphs are each billed on top. */
function healthCheck(check: Recorded): readonly Part[] {
  const type = textAt(check, "type") ?? "";
  const options = [
    type.startsWith("HTTPS"),
    type.endsWith("STR_MATCH"),
    numberAt(check, "requestInterval") === 10,
    flagAt(check, "measureLatency"),
  ].filter(Boolean).length;
  return [
    one("health check", "route53.health-check"),
    one("health check option", "route53.health-check-option", options),
  ];
}
