import { LoadBalancer, type LoadBalancerArgs } from "@pulumi/cloudflare/loadBalancer.js";
import { LoadBalancerMonitor } from "@pulumi/cloudflare/loadBalancerMonitor.js";
import { LoadBalancerPool } from "@pulumi/cloudflare/loadBalancerPool.js";
import * as pulumi from "@pulumi/pulumi";
import type { DnsZone } from "../shared/dns-zone.ts";
import { Faults } from "../shared/faults.ts";
import { livekitHost, meetHost, regionalLivekitHost, regionalMeetHost } from "../shared/names.ts";
import { LOCATIONS } from "../shared/locations.ts";
import type { CloudflareMonitoring, Homes, NamedRegion } from "./names.ts";

/** Part of every URN beneath it: never change without an alias. */
export const CLOUDFLARE_NAMES_TYPE = "meet:edge:CloudflareNames";

export interface CloudflareNamesArgs {
  readonly zone: Extract<DnsZone, { readonly provider: "cloudflare" }>;
  readonly domain: string;
  readonly homes: Homes;
  /** All regions of the fleet. */
  readonly regions: readonly NamedRegion[];
  readonly monitoring: CloudflareMonitoring;
  readonly globalAfter: readonly pulumi.Resource[];
}

/** Cloudflare's default for a load balancer that is not proxied. */
export const BALANCER_TTL_SECONDS = 30;

/** A region that has not answered by then is as good as down. */
const PROBE_TIMEOUT_SECONDS = 5;

/**
 * Not dynamic_latency: it needs checks from every place it is to know, which outside Enterprise do not exist, and falls
 * back to the order of the pools. The resolver's location, or the client's where it is passed on.
 */
const NEAREST = {
  steeringPolicy: "proximity",
  locationStrategy: { mode: "resolver_ip", preferEcs: "proximity" },
} as const;

/** What is checked, and where: one monitor each, however many regions there are (at most 1.5 monitors per pool). */
const CHECKS = {
  livekit: { path: "/region-health", of: "a region's room gateway" },
  meet: { path: "/__heartbeat__", of: "Meet in the primary" },
  promoted: { path: "/promoted", of: "a promoted standby" },
} as const;

type Check = keyof typeof CHECKS;

/**
 * The global names in Cloudflare: a load balancer for `livekit.<domain>` over the pools of all regions, nearest first,
 * and one for `meet.<domain>` over the homes. A load balancer lists the ids of its pools, which only their maker
 * knows, so the primary's stack owns all of it and a new region takes a second `up` of the primary.
 * Creates monitors, a pool per region and per home, and the two load balancers; none is proxied.
 *
 * `meet.<domain>` asks the standby first: its pool is up only once it has been promoted, and then a primary that comes
 * back gets no traffic. While it waits, the primary serves, also as fallback when nothing is up. Where several regions
 * serve Meet, the nearest that is well. Cost driver: the load balancing add-on, by endpoints and queries.
 */
export class CloudflareNames extends pulumi.ComponentResource {
  constructor(name: string, args: CloudflareNamesArgs, opts?: pulumi.ComponentResourceOptions) {
    super(CLOUDFLARE_NAMES_TYPE, name, {}, opts);
    validate(this, name, args);
    const { domain, homes } = args;
    // By name, so that the order of the files decides nothing.
    const regions = [...args.regions].sort((left, right) => (left.stack < right.stack ? -1 : 1));
    const livekitMonitor = this.monitor(`${name}-livekit`, args, "livekit");
    const livekitPools = regions.map((region) => ({
      stack: region.stack,
      pool: this.pool(`${name}-livekit-${region.stack}`, args, "livekit", region, livekitMonitor),
    }));
    this.balancer(
      `${name}-livekit`,
      args,
      livekitHost(domain),
      livekitPools.map(({ pool }) => pool.id),
      livekitPools.filter(({ stack }) => stack === homes.primary).map(({ pool }) => pool.id),
      NEAREST,
    );
    const monitors = new Map<Check, LoadBalancerMonitor>();
    const monitorOf = (check: Check): LoadBalancerMonitor => {
      const monitor = monitors.get(check) ?? this.monitor(`${name}-${check}`, args, check);
      monitors.set(check, monitor);
      return monitor;
    };
    // The standby first: see above.
    const homePools = [homes.standby, ...(homes.actives ?? []), homes.primary].flatMap((home) =>
      regions
        .filter(({ stack }) => stack === home)
        .map((region) => {
          const check = home === homes.standby ? "promoted" : "meet";
          return {
            stack: region.stack,
            pool: this.pool(`${name}-meet-${region.stack}`, args, check, region, monitorOf(check)),
          };
        }),
    );
    this.balancer(
      `${name}-meet`,
      args,
      meetHost(domain),
      homePools.map(({ pool }) => pool.id),
      homePools.filter(({ stack }) => stack === homes.primary).map(({ pool }) => pool.id),
      homes.actives === undefined ? { steeringPolicy: "off" } : NEAREST,
    );
    this.registerOutputs({});
  }

  private monitor(name: string, args: CloudflareNamesArgs, check: Check): LoadBalancerMonitor {
    return new LoadBalancerMonitor(
      name,
      {
        accountId: args.zone.accountId,
        description: `${args.domain}: ${CHECKS[check].of}`,
        type: "https",
        method: "GET",
        path: CHECKS[check].path,
        port: 443,
        expectedCodes: "200",
        interval: args.monitoring.intervalSeconds,
        timeout: PROBE_TIMEOUT_SECONDS,
        retries: 0,
        consecutiveDown: 1,
        consecutiveUp: 1,
        followRedirects: false,
        allowInsecure: false,
      },
      { parent: this },
    );
  }

  private pool(
    name: string,
    args: CloudflareNamesArgs,
    check: Check,
    region: NamedRegion,
    monitor: LoadBalancerMonitor,
  ): LoadBalancerPool {
    const { latitude, longitude, cloudflareRegion } = locationOf(region.awsRegion);
    const kind = check === "livekit" ? "livekit" : "meet";
    const address =
      kind === "livekit"
        ? regionalLivekitHost(region.stack, args.domain)
        : regionalMeetHost(region.stack, args.domain);
    return new LoadBalancerPool(
      name,
      {
        accountId: args.zone.accountId,
        // Unique in the account, which may hold several fleets; only letters, digits, hyphens and underscores.
        name: `${kind}-${region.stack}-${args.domain.replaceAll(".", "-")}`,
        description: `${args.domain}: ${kind} in ${region.stack}`,
        enabled: true,
        latitude,
        longitude,
        // Near the region: outside Enterprise a pool is checked from few places, and far ones time out first.
        checkRegions: [cloudflareRegion],
        minimumOrigins: 1,
        monitor: monitor.id,
        // The header is also what the monitor sends: a balancer answers by host name. Everything is written out,
        // because what is left to Cloudflare comes back as a change (cloudflare/terraform-provider-cloudflare 6140).
        origins: [
          {
            name: region.stack,
            address,
            enabled: true,
            weight: 1,
            port: 443,
            flattenCname: true,
            header: { hosts: [address] },
          },
        ],
      },
      { parent: this },
    );
  }

  private balancer(
    name: string,
    args: CloudflareNamesArgs,
    host: string,
    pools: pulumi.Input<string>[],
    fallback: pulumi.Input<string>[],
    steering: Pick<LoadBalancerArgs, "steeringPolicy" | "locationStrategy">,
  ): LoadBalancer {
    const [fallbackPool = ""] = fallback;
    return new LoadBalancer(
      name,
      {
        zoneId: args.zone.zoneId,
        name: host,
        description: `${args.domain}: made by the primary's stack ${args.homes.primary}`,
        enabled: true,
        defaultPools: pools,
        fallbackPool,
        // Not proxied: Cloudflare ends WebSockets when it restarts its servers, and media would not pass anyway.
        proxied: false,
        ttl: BALANCER_TTL_SECONDS,
        sessionAffinity: "none",
        ...steering,
      },
      { parent: this, dependsOn: [...args.globalAfter] },
    );
  }
}

const NOWHERE = { latitude: 0, longitude: 0, cloudflareRegion: "" };

/** Where a region is; validate() has made sure that it is known. */
function locationOf(awsRegion: string): (typeof LOCATIONS)[string] {
  return LOCATIONS[awsRegion] ?? NOWHERE;
}

function given(home: string | undefined): readonly string[] {
  return home === undefined ? [] : [home];
}

function validate(resource: pulumi.Resource, name: string, args: CloudflareNamesArgs): void {
  const { regions, homes } = args;
  const faults = new Faults("CloudflareNames", name);
  for (const [index, { stack, awsRegion }] of regions.entries()) {
    faults.when(
      LOCATIONS[awsRegion] === undefined,
      `the place of "${awsRegion}" (region "${stack}") is not known. Add it to components/shared/locations.ts.`,
    );
    faults.when(
      regions.findIndex((other) => other.stack === stack) < index,
      `two regions are called "${stack}". Name each once.`,
    );
  }
  for (const home of [homes.primary, ...(homes.actives ?? []), ...given(homes.standby)]) {
    faults.when(
      !regions.some(({ stack }) => stack === home),
      `the home "${home}" is not among the regions. Pass all regions of the fleet.`,
    );
  }
  faults.throwIfAny(resource);
}
