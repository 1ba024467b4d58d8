import * as aws from "@pulumi/aws";
import { DnsRecord } from "@pulumi/cloudflare/dnsRecord.js";
import * as pulumi from "@pulumi/pulumi";
import type { DnsZone } from "../shared/dns-zone.ts";

/** A record without routing policy, the same whoever serves the zone. */
export interface PlainRecord {
  readonly zone: DnsZone;
  readonly host: pulumi.Input<string>;
  readonly type: "A" | "CNAME";
  /** One for a CNAME, one or more addresses for an A record. Plain list: it decides how many records there are. */
  readonly values: readonly pulumi.Input<string>[];
  readonly ttlSeconds: number;
  /**
   * Take over a record that exists already with the same name and type, as a promoted standby does. Route 53 only:
   * Cloudflare refuses a second record of the same content, which then has to be imported (`pulumi import`).
   * @default false
   */
  readonly adopt?: boolean;
}

/** The shortest TTL Cloudflare serves outside Enterprise (Cloudflare API, DNS record, `ttl`). */
const CLOUDFLARE_MINIMUM_TTL = 60;

/** A record that was made, in either zone. */
export interface MadeRecord {
  /** Its name. */
  readonly name: pulumi.Output<string>;
  /** What it consists of, for `dependsOn`. */
  readonly resources: readonly pulumi.Resource[];
}

/**
 * Makes a plain record in either zone. Route 53 holds all values in one record, Cloudflare has one record per value.
 * Never proxied: media, TURN and long WebSockets do not pass Cloudflare's proxy, and a proxied name cannot be checked
 * from outside for what is behind it.
 */
export function plainRecord(
  name: string,
  record: PlainRecord,
  opts: pulumi.CustomResourceOptions,
): MadeRecord {
  const { zone, host, type, values, ttlSeconds, adopt = false } = record;
  if (zone.provider === "route53") {
    const made = new aws.route53.Record(
      name,
      {
        zoneId: zone.zoneId,
        name: host,
        type,
        ttl: ttlSeconds,
        records: [...values],
        ...(adopt ? { allowOverwrite: true } : {}),
      },
      opts,
    );
    return { name: made.name, resources: [made] };
  }
  const made = values.map(
    (value, index) =>
      new DnsRecord(
        values.length === 1 ? name : `${name}-${index + 1}`,
        {
          zoneId: zone.zoneId,
          name: pulumi.output(host).apply(withoutFinalDot),
          type,
          ttl: Math.max(ttlSeconds, CLOUDFLARE_MINIMUM_TTL),
          content: pulumi.output(value).apply(withoutFinalDot),
          proxied: false,
        },
        opts,
      ),
  );
  return { name: pulumi.output(host).apply(withoutFinalDot), resources: made };
}

/** ACM writes its names with a final dot; Cloudflare stores them without and would report a change at every update. */
export function withoutFinalDot(host: string): string {
  return host.replace(/\.$/, "");
}
