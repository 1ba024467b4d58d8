import type { StackConfig } from "../infra/config.ts";
import {
  livekitHost,
  meetHost,
  regionalLivekitHost,
  regionalMeetHost,
  turnHost,
} from "../components/shared/names.ts";
import { MOCK_ACCOUNT } from "./mock-cloud.ts";
import type { Recorded } from "./recorded.ts";
import { ofType, textAt } from "./resources.ts";

/** A name that somebody will see in a browser, a console or a firewall rule. */
export interface VisibleName {
  readonly name: string;
  readonly what: string;
  /** Whether this stack makes the record or the resource; else another one does. */
  readonly madeHere: boolean;
}

const RECORD_TYPES = [
  "aws:route53/record:Record",
  "cloudflare:index/dnsRecord:DnsRecord",
  "cloudflare:index/loadBalancer:LoadBalancer",
];

/** The addresses of a region, and the names of what people will look for in the AWS console. */
export function visibleNames(config: StackConfig, resources: readonly Recorded[]): VisibleName[] {
  const { domain } = config.fleet;
  const records = new Set(
    RECORD_TYPES.flatMap((type) => ofType(resources, type)).map((record) =>
      (textAt(record, "name") ?? "").replace(/\.$/, ""),
    ),
  );
  // Cloudflare's records may be named relative to their zone.
  const made = (host: string): boolean =>
    records.has(host) || records.has(host.slice(0, -(domain.length + 1)));
  const hosts: [string, string][] = [
    [meetHost(domain), "where people open Meet"],
    [livekitHost(domain), "the only LiveKit address that Meet and browsers know"],
    ...(config.home === undefined
      ? []
      : [
          [regionalMeetHost(config.stack, domain), "Meet of this home, for failover"] as [
            string,
            string,
          ],
        ]),
    [regionalLivekitHost(config.stack, domain), "room gateway of this region, for health checks"],
    [turnHost(config.stack, domain), "TURN over TLS on port 443, for strict firewalls"],
  ];
  return [
    ...hosts.map(([name, what]) => ({ name, what, madeHere: made(name) })),
    ...ofType(resources, "aws:s3/bucket:Bucket").map((bucket) => ({
      name: (textAt(bucket, "bucket") ?? bucket.name).replace(MOCK_ACCOUNT, "<account>"),
      what: "bucket of recordings",
      madeHere: true,
    })),
    ...ofType(resources, "aws:eks/cluster:Cluster").map((cluster) => ({
      name: textAt(cluster, "name") ?? cluster.name,
      what: "EKS cluster",
      madeHere: true,
    })),
    ...ofType(resources, "aws:rds/instance:Instance").map((instance) => ({
      name: textAt(instance, "identifier") ?? instance.name,
      what: "PostgreSQL instance",
      madeHere: true,
    })),
  ];
}
