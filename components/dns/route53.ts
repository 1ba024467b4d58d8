import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { DnsZone } from "../shared/dns-zone.ts";
import { livekitHost, meetHost, regionalLivekitHost, regionalMeetHost } from "../shared/names.ts";
import { named, type Tags } from "../shared/tags.ts";
import type { Homes } from "./names.ts";

/** Part of every URN beneath it: never change without an alias. */
export const ROUTE53_NAMES_TYPE = "meet:edge:Route53Names";

export interface Route53NamesArgs {
  readonly zone: Extract<DnsZone, { readonly provider: "route53" }>;
  readonly domain: string;
  readonly stack: string;
  readonly awsRegion: string;
  readonly role: "primary" | "standby" | "active" | "media";
  readonly gateway: { readonly dnsName: pulumi.Input<string> };
  readonly meet?: { readonly dnsName: pulumi.Input<string> };
  readonly homes: Homes;
  readonly failover?: "PRIMARY" | "SECONDARY";
  readonly globalAfter: readonly pulumi.Resource[];
  readonly tags: Tags;
}

/**
 * Looked up when somebody joins or reconnects, so a short TTL costs next to nothing and is most of what failing over
 * takes. A CNAME and not an alias: an alias to a load balancer has a fixed TTL of 60 s.
 */
export const GLOBAL_TTL_SECONDS = 5;

/** The shortest Route 53 offers; cannot change after creation. */
export const CHECK_INTERVAL_SECONDS = 10;

/** One: a false alarm only sends joins in through another region's gateway, which serves them all the same. */
export const CHECK_FAILURES = 1;

/**
 * A region's part of the global names in Route 53: its latency record of `livekit.<domain>`, and in a home one of the
 * two failover records of `meet.<domain>`, or where several regions serve Meet a latency record of that too, each with
 * its health checks. Nothing here is shared with another stack:
 * every record set has its own identifier.
 *
 * The PRIMARY's check holds while the primary answers and the standby has not been promoted, so that a primary that
 * comes back gets no traffic without anybody calling an API. When all checks of a name fail, Route 53 answers as if
 * none did. Its HTTPS checks do not look at the certificate.
 */
export class Route53Names extends pulumi.ComponentResource {
  constructor(name: string, args: Route53NamesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(ROUTE53_NAMES_TYPE, name, {}, opts);
    const { domain, stack, meet } = args;
    const livekitCheck = this.endpointCheck(
      `${name}-livekit`,
      args,
      regionalLivekitHost(stack, domain),
      "/region-health",
    );
    new aws.route53.Record(
      `${name}-livekit`,
      {
        zoneId: args.zone.zoneId,
        name: livekitHost(domain),
        type: "CNAME",
        ttl: GLOBAL_TTL_SECONDS,
        records: [args.gateway.dnsName],
        setIdentifier: stack,
        latencyRoutingPolicies: [{ region: args.awsRegion }],
        healthCheckId: livekitCheck.id,
      },
      { parent: this, dependsOn: [...args.globalAfter] },
    );
    if (args.homes.actives !== undefined && meet !== undefined) {
      new aws.route53.Record(
        `${name}-meet`,
        {
          zoneId: args.zone.zoneId,
          name: meetHost(domain),
          type: "CNAME",
          ttl: GLOBAL_TTL_SECONDS,
          records: [meet.dnsName],
          setIdentifier: stack,
          latencyRoutingPolicies: [{ region: args.awsRegion }],
          healthCheckId: this.meetCheck(name, args).id,
        },
        { parent: this, dependsOn: [...args.globalAfter] },
      );
    } else if (args.role !== "media" && meet !== undefined) {
      const position = args.failover ?? (args.role === "primary" ? "PRIMARY" : "SECONDARY");
      const check =
        position === "PRIMARY" ? this.primaryCheck(name, args) : this.secondaryCheck(name, args);
      new aws.route53.Record(
        `${name}-meet`,
        {
          zoneId: args.zone.zoneId,
          name: meetHost(domain),
          type: "CNAME",
          ttl: GLOBAL_TTL_SECONDS,
          records: [meet.dnsName],
          setIdentifier: stack,
          failoverRoutingPolicies: [{ type: position }],
          healthCheckId: check.id,
        },
        { parent: this, dependsOn: [...args.globalAfter] },
      );
    }
    this.registerOutputs({});
  }

  /** Calculated also in a fleet of one, so that a standby added later changes it in place. */
  private primaryCheck(name: string, args: Route53NamesArgs): aws.route53.HealthCheck {
    const { domain, stack, homes } = args;
    const other = stack === homes.primary ? homes.standby : homes.primary;
    const conditions = [
      this.meetCheck(name, args),
      ...(other === undefined
        ? []
        : [
            this.endpointCheck(
              `${name}-meet-standby-waits`,
              args,
              regionalMeetHost(other, domain),
              "/promoted",
              { invertHealthcheck: true },
            ),
          ]),
    ];
    return new aws.route53.HealthCheck(
      `${name}-meet`,
      {
        type: "CALCULATED",
        childHealthchecks: conditions.map((condition) => condition.id),
        childHealthThreshold: conditions.length,
        tags: named(args.tags, `${name}-meet`),
      },
      { parent: this },
    );
  }

  /** Meet's own heartbeat, which asks for its database. */
  private meetCheck(name: string, args: Route53NamesArgs): aws.route53.HealthCheck {
    return this.endpointCheck(
      `${name}-meet-answers`,
      args,
      regionalMeetHost(args.stack, args.domain),
      "/__heartbeat__",
    );
  }

  /** `/promoted` is 503 until the standby is promoted, so that the loss of the primary alone moves nobody. */
  private secondaryCheck(name: string, args: Route53NamesArgs): aws.route53.HealthCheck {
    return this.endpointCheck(
      `${name}-meet-promoted`,
      args,
      regionalMeetHost(args.stack, args.domain),
      "/promoted",
    );
  }

  /** Always of a regional name: a check of the global one would follow the records it decides about. */
  private endpointCheck(
    name: string,
    args: Route53NamesArgs,
    fqdn: string,
    resourcePath: string,
    more: { readonly invertHealthcheck?: true } = {},
  ): aws.route53.HealthCheck {
    return new aws.route53.HealthCheck(
      name,
      {
        type: "HTTPS",
        fqdn,
        port: 443,
        resourcePath,
        requestInterval: CHECK_INTERVAL_SECONDS,
        failureThreshold: CHECK_FAILURES,
        enableSni: true,
        ...more,
        tags: named(args.tags, name),
      },
      { parent: this },
    );
  }
}
