import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { usableZones } from "../components/network/zones.ts";
import type { DnsZone } from "../components/shared/dns-zone.ts";
import type { SharedSecretOutputs } from "../components/secrets/shared-secret-values.ts";
import type { DnsConfig, StackConfig } from "./config.ts";
import { readSharedSecrets } from "./shared-secrets.ts";

/** What the account and the zone say before anything is made. Plain values, so that names can be computed from them. */
export interface Lookups {
  readonly accountId: string;
  /** `aws`, or `aws-us-gov` and the like. */
  readonly partition: string;
  /** Names of the availability zones to use, in order. */
  readonly zones: readonly string[];
  readonly dnsZone: DnsZone;
  /** Who administers the cluster: what the configuration names, else whoever runs the program. */
  readonly administratorRoleArns: readonly string[];
  /** What the primary made for all regions; absent in the primary itself. */
  readonly sharedSecrets?: SharedSecretOutputs;
}

/**
 * Asks AWS, and the primary's stack, what the program has to know. Awaited before the first resource, so that an
 * account without the zone or a region without enough zones stops it with nothing created.
 * @throws pulumi.RunError with one sentence
 */
export async function lookUp(config: StackConfig): Promise<Lookups> {
  try {
    return await ask(config);
  } catch (error) {
    // A RunError is printed without a stack trace.
    throw new pulumi.RunError(error instanceof Error ? error.message : String(error));
  }
}

async function ask(config: StackConfig): Promise<Lookups> {
  const [caller, { partition }, zones, dnsZone, sharedSecrets] = await Promise.all([
    aws.getCallerIdentity(),
    aws.getPartition(),
    aws.getAvailabilityZones({
      state: "available",
      // Local and Wavelength Zones have neither EKS control planes nor RDS.
      filters: [{ name: "opt-in-status", values: ["opt-in-not-required"] }],
    }),
    dnsZoneOf(config.fleet.dns),
    config.role === "primary" ? undefined : readSharedSecrets(config.fleet.primary.stack),
  ]);
  return {
    accountId: caller.accountId,
    partition,
    zones: usableZones(
      zones.names.map((name, index) => ({ name, zoneId: zones.zoneIds[index] ?? "" })),
      config.network.zoneCount,
      config.awsRegion,
    ),
    dnsZone,
    administratorRoleArns:
      config.deployRoleArns.length > 0 ? config.deployRoleArns : [roleOfSession(caller.arn)],
    ...(sharedSecrets === undefined ? {} : { sharedSecrets }),
  };
}

async function dnsZoneOf(dns: DnsConfig): Promise<DnsZone> {
  if (dns.provider === "cloudflare") {
    const { provider, zoneId, accountId, zoneName } = dns;
    return { provider, zoneId, accountId, zoneName };
  }
  const { zoneName } = dns;
  const zone = await aws.route53
    .getZone({ name: zoneName, privateZone: false })
    .catch((error: unknown) => {
      throw new Error(
        `Zone "${zoneName}": Route 53 did not find it as a public zone of this account ` +
          `(${error instanceof Error ? error.message.trim() : String(error)}). Make it first, or correct meet:dns.zoneName.`,
      );
    });
  return { provider: "route53", zoneId: zone.zoneId, zoneName };
}

/**
 * The IAM role behind an assumed-role session: EKS access entries take the role
 * (`arn:aws:sts::1:assumed-role/deploy/session` → `arn:aws:iam::1:role/deploy`; Amazon EKS user guide, access-entries).
 */
export function roleOfSession(arn: string): string {
  const session = /^arn:([^:]+):sts::(\d+):assumed-role\/([^/]+)\/.+$/.exec(arn);
  return session === null ? arn : `arn:${session[1]}:iam::${session[2]}:role/${session[3]}`;
}
