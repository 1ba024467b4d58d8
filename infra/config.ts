import type * as pulumi from "@pulumi/pulumi";
import type { Protection } from "../components/shared/protection.ts";

/** What a region does in its fleet: exactly one primary, at most one standby, any number of media regions. */
export type Role = "primary" | "standby" | "media";

/** The table of defaults a region starts from; see infra/sizes.ts. */
export type Size = "small" | "medium" | "large";

/** What one stack knows of another: enough for checks, addresses and the plan. */
export interface Sibling {
  readonly stack: string;
  readonly role: Role;
  readonly awsRegion: string;
  readonly residency: string;
  readonly networkCidr: string;
}

/** The DNS zone and who serves it. The zone exists before the fleet and is never made or destroyed here. */
export type DnsConfig =
  | { readonly provider: "route53"; readonly zoneName: string }
  | {
      readonly provider: "cloudflare";
      readonly zoneId: string;
      readonly accountId: string;
      readonly zoneName: string;
      readonly plan: "standard" | "enterprise";
      readonly monitorIntervalSeconds: number;
    };

/** The OpenID Connect provider people sign in with; its client secret is `meet:oidcClientSecret`. */
export interface OidcConfig {
  readonly issuerName?: string;
  readonly clientId: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userEndpoint: string;
  readonly jwksEndpoint: string;
  readonly logoutEndpoint?: string;
  readonly scopes: string;
  readonly signAlgorithm: string;
}

/** The mail server Meet sends invitations through; its password is `meet:mailPassword`. */
export interface MailConfig {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly from: string;
  readonly tls: "starttls" | "tls" | "none";
  readonly brandName: string;
  readonly supportEmail?: string;
}

/** Exact image tags, with a digest where one is given (`v1.2.3@sha256:…`). */
export interface Versions {
  readonly meet: string;
  readonly livekit: string;
  readonly egress: string;
  /** Stock Node image that the bundled services run on. */
  readonly node: string;
  readonly clusterProportionalAutoscaler: string;
  readonly nodeTerminationHandler: string;
}

/** How long recordings are kept and may last. */
export interface RecordingsConfig {
  readonly expirationDays: number;
  readonly maxDurationMinutes: number;
}

/** What is the same in every stack: written once, in the primary's file. */
export interface FleetConfig {
  readonly domain: string;
  readonly dns: DnsConfig;
  readonly oidc: OidcConfig;
  readonly mail: MailConfig;
  readonly administrator?: { readonly email: string };
  readonly versions: Versions;
  readonly recordings: RecordingsConfig;
  readonly primary: Sibling;
  readonly standby?: Sibling;
}

/** Database, Valkey and web of Meet: in the primary and the standby only. */
export interface HomeConfig {
  readonly database: {
    readonly instanceClass: string;
    readonly storageGib: number;
    readonly maxStorageGib: number;
    readonly backupRetentionDays: number;
    readonly multiAz: boolean;
    readonly engineVersion: string;
    readonly generation: number;
  };
  readonly meetValkey: { readonly nodeType: string };
  readonly backend: {
    readonly minReplicas: number;
    readonly maxReplicas: number;
    readonly workers: number;
  };
  readonly frontend: { readonly replicas: number };
}

/** Everything one region is built from. */
export interface StackConfig {
  readonly stack: string;
  readonly role: Role;
  readonly awsRegion: string;
  readonly residency: string;
  readonly size: Size;
  /** Cluster administrators; empty: the caller's own role. */
  readonly deployRoleArns: readonly string[];
  readonly protection: Protection;
  readonly network: {
    readonly cidr: string;
    readonly zoneCount: number;
    readonly nat: "none" | "single" | "per-zone";
  };
  readonly cluster: {
    readonly kubernetesVersion: string;
    readonly publicAccessCidrs: readonly string[];
    readonly systemNodes: {
      readonly instanceType: string;
      readonly min: number;
      readonly max: number;
    };
    readonly logRetentionDays: number;
  };
  readonly media: {
    readonly instanceType: string;
    readonly min: number;
    readonly max: number;
    readonly udpPorts: { readonly from: number; readonly to: number };
    readonly drainDeadlineMinutes: number;
    readonly scaleIn: "manual" | "automatic";
    readonly networkOutMbps: number;
  };
  readonly egress: {
    readonly enabled: boolean;
    readonly instanceType: string;
    readonly min: number;
    readonly max: number;
    readonly scaleIn: "manual" | "automatic";
  };
  readonly rooms: { readonly minReplicas: number; readonly maxReplicas: number };
  readonly downloads: { readonly replicas: number };
  readonly livekitValkey: { readonly nodeType: string };
  /** Only in role primary or standby. */
  readonly home?: HomeConfig;
  readonly fleet: FleetConfig;
  /** Every other stack file. For checks, the plan and tools only: nothing rendered may depend on it. */
  readonly siblings: readonly Sibling[];
}

/** Secrets set by hand with `pulumi config set --secret`; only the primary has them. */
export interface StackSecrets {
  readonly oidcClientSecret?: pulumi.Output<string>;
  readonly mailPassword?: pulumi.Output<string>;
}
