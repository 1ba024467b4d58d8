import * as pulumi from "@pulumi/pulumi";
import type { DnsZone } from "../shared/dns-zone.ts";
import { Faults } from "../shared/faults.ts";
import { regionalLivekitHost, regionalMeetHost, turnHost } from "../shared/names.ts";
import type { Tags } from "../shared/tags.ts";
import { CloudflareNames } from "./cloudflare.ts";
import { plainRecord } from "./record.ts";
import { Route53Names } from "./route53.ts";

/** Part of every URN beneath it: never change without an alias. */
export const NAMES_TYPE = "meet:edge:Names";

/** A region as the names see it. */
export interface NamedRegion {
  readonly stack: string;
  readonly awsRegion: string;
  readonly role: "primary" | "standby" | "active" | "fenced" | "media";
}

/** The stacks that hold Meet. */
export interface Homes {
  readonly primary: string;
  readonly standby?: string;
  /** Those that serve beside the primary, none with `[]`; then `meet.<domain>` is the nearest that is well (ADR 0017). */
  readonly actives?: readonly string[];
}

/** Cloudflare's settings that Route 53 has no counterpart of. */
export interface CloudflareMonitoring {
  /** Seconds between two checks: 15 or more, from 10 on with an Enterprise plan. */
  readonly intervalSeconds: number;
  readonly plan: "standard" | "enterprise";
}

export interface NamesArgs {
  readonly zone: DnsZone;
  readonly domain: string;
  readonly stack: string;
  readonly awsRegion: string;
  readonly role: "primary" | "standby" | "active" | "media";
  /** The room gateway's balancer. */
  readonly gateway: { readonly dnsName: pulumi.Input<string> };
  /** The fixed addresses of TURN over TLS, one per zone. */
  readonly turn: { readonly addresses: readonly pulumi.Input<string>[] };
  /** Meet's balancer; in a home only. */
  readonly meet?: { readonly dnsName: pulumi.Input<string> };
  /** The stacks that hold Meet. */
  readonly homes: Homes;
  /**
   * Which of the two failover records of `meet.<domain>` a home owns. Route 53 only. It stays what it was after a
   * promotion until the old primary has given up PRIMARY: Route 53 refuses a second one.
   * @default PRIMARY in the primary, SECONDARY in the standby
   */
  readonly failover?: "PRIMARY" | "SECONDARY";
  /** All regions of the fleet. Read with Cloudflare in the primary only: its load balancers list all pools. */
  readonly regions: readonly NamedRegion[];
  /** Needed with Cloudflare. */
  readonly cloudflare?: CloudflareMonitoring;
  /**
   * What has to be there before anybody is sent here: gateway, LiveKit, Meet. A new health check counts as healthy
   * until it has been tried, so a global record made too early takes in people whom nobody serves.
   */
  readonly globalAfter: readonly pulumi.Resource[];
  readonly tags: Tags;
}

/** The regional names move only with a balancer; they are what checks and peers ask, not what people do. */
const REGIONAL_TTL_SECONDS = 60;

/**
 * All DNS names of a region, whoever serves the zone: its own `livekit.<region>`, `turn.<region>` and in a home
 * `meet.<region>`, and its part of the global `livekit.<domain>` and `meet.<domain>`.
 * Creates the regional records and, by provider, Route53Names or CloudflareNames. The zone itself is never made here.
 */
export class Names extends pulumi.ComponentResource {
  readonly livekitHost: pulumi.Output<string>;
  readonly turnHost: pulumi.Output<string>;
  /** In a home only. */
  readonly meetHost?: pulumi.Output<string>;

  constructor(name: string, args: NamesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(NAMES_TYPE, name, {}, opts);
    validate(this, name, args);
    const { zone, stack, domain, gateway, turn, meet } = args;
    const child = { parent: this };
    const common = { zone, ttlSeconds: REGIONAL_TTL_SECONDS } as const;
    const livekit = plainRecord(
      `${name}-livekit-regional`,
      {
        ...common,
        host: regionalLivekitHost(stack, domain),
        type: "CNAME",
        values: [gateway.dnsName],
      },
      child,
    );
    const turnRecord = plainRecord(
      `${name}-turn-regional`,
      { ...common, host: turnHost(stack, domain), type: "A", values: turn.addresses },
      child,
    );
    this.livekitHost = livekit.name;
    this.turnHost = turnRecord.name;
    if (meet !== undefined) {
      this.meetHost = plainRecord(
        `${name}-meet-regional`,
        { ...common, host: regionalMeetHost(stack, domain), type: "CNAME", values: [meet.dnsName] },
        child,
      ).name;
    }
    if (zone.provider === "route53") {
      new Route53Names(name, { ...args, zone }, child);
    } else if (args.role === "primary" && args.cloudflare !== undefined) {
      new CloudflareNames(name, { ...args, zone, monitoring: args.cloudflare }, child);
    }
    this.registerOutputs({ livekitHost: this.livekitHost, turnHost: this.turnHost });
  }
}

function validate(resource: pulumi.Resource, name: string, args: NamesArgs): void {
  const { zone, domain, stack, role, meet, homes, regions, cloudflare } = args;
  const faults = new Faults("Names", name);
  faults.when(
    domain !== zone.zoneName && !domain.endsWith(`.${zone.zoneName}`),
    `domain "${domain}" is not in the zone "${zone.zoneName}". Use the zone's name or one below it.`,
  );
  faults.when(
    !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(stack),
    `stack "${stack}" is no DNS label, and it becomes part of names. Use lower-case letters, digits and hyphens.`,
  );
  faults.when(
    role !== "media" && meet === undefined,
    `the ${role} has no balancer for Meet. Pass meet.dnsName.`,
  );
  faults.when(
    role === "media" && meet !== undefined,
    "a media region has a balancer for Meet. Leave meet out.",
  );
  faults.when(
    (role === "primary" && homes.primary !== stack) ||
      (role === "standby" && homes.standby !== stack),
    `the ${role} "${stack}" is not that of the fleet, whose homes are ${homes.primary} and ${homes.standby ?? "nobody"}. Make the roles agree.`,
  );
  faults.when(
    role === "active" && homes.actives?.includes(stack) !== true,
    `the active region "${stack}" is not among those of the fleet (${homes.actives?.join(", ") ?? "none"}). Make the roles agree.`,
  );
  faults.when(
    homes.actives !== undefined && homes.standby !== undefined,
    `the fleet has the standby "${homes.standby ?? ""}" and active regions, and meet.${domain} follows one or the other. Leave one out.`,
  );
  faults.when(args.turn.addresses.length === 0, "TURN has no address. Pass those of its balancer.");
  faults.when(
    zone.provider === "cloudflare" && cloudflare === undefined,
    "the zone is Cloudflare's and there are no monitor settings. Pass cloudflare.",
  );
  if (zone.provider === "cloudflare" && cloudflare !== undefined) {
    const shortest = cloudflare.plan === "enterprise" ? 10 : 15;
    faults.when(
      cloudflare.intervalSeconds < shortest,
      `interval of ${cloudflare.intervalSeconds} s is below the ${shortest} s of Cloudflare's ${cloudflare.plan} plan. Use ${shortest} or more.`,
    );
    faults.when(
      role === "primary" && !regions.some((region) => region.stack === stack),
      `regions do not name "${stack}" itself. Pass all regions of the fleet.`,
    );
  }
  faults.throwIfAny(resource);
}
