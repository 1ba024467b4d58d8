import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { HandedOver } from "../components/secrets/handed-over.ts";
import type { Restore } from "../components/postgres/postgres.ts";
import type { Protection } from "../components/shared/protection.ts";
import { databaseUrlOf, valkeyUrlOf } from "./external-stores.ts";
import { fleetOf, inheritedFrom, siblingOf, stackOf } from "./assemble.ts";
import { ConfigError, type ConfigFault } from "./config-faults.ts";
import { readFleetFiles } from "./fleet-files.ts";
import { checkFleet } from "./fleet-rules.ts";
import { runFaults } from "./run-agreement.ts";
import type { SecretsConfig } from "./secrets-schema.ts";
import type { StorageConfig } from "./storage-schema.ts";
import type { StoresConfig } from "./stores-schema.ts";
import { readStorageKeys, storesOf, type StorageKeys } from "./storage.ts";
import { outlineOf, readStackFile } from "./stack-file.ts";

/**
 * What a region does in its fleet: exactly one primary, at most one standby, any number of media regions. `fenced` is
 * what was the primary until another was promoted: it has no Meet and no database until it returns as the standby.
 * `active` runs Meet beside the primary on stores that the user runs (ADR 0017).
 */
export type Role = "primary" | "standby" | "active" | "fenced" | "media";

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

/** How long recordings are kept and may last, and where they are kept. */
export interface RecordingsConfig {
  readonly expirationDays: number;
  readonly maxDurationMinutes: number;
  readonly storage: StorageConfig;
}

/** Where rooms are put that nobody has pinned. */
export interface PlacementConfig {
  /** The first that fits decides; each has rooms or countries. */
  readonly rules: readonly {
    readonly rooms?: readonly string[];
    readonly countries?: readonly string[];
    readonly region: string;
  }[];
  /** Header in which a trusted edge in front of the gateways names the participant's country. */
  readonly countryHeader?: string;
  /** For a region, the others from the nearest on. */
  readonly order: Readonly<Record<string, readonly string[]>>;
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
  /** Who runs Meet's PostgreSQL and Valkey. */
  readonly stores: StoresConfig;
  readonly placement: PlacementConfig;
  readonly secrets: SecretsConfig;
  /** Meet's dial-in number; only in a fleet of one region. */
  readonly telephony?: { readonly phoneNumber: string; readonly defaultCountry: string };
  readonly primary: Sibling;
  /** Which make of the primary's database instance is in use; the standby computes its source's ARN from it. */
  readonly primaryDatabaseGeneration: number;
  readonly standby?: Sibling;
  /** Regions that run Meet beside the primary; only with external stores. */
  readonly actives: readonly Sibling[];
  /** What was the primary before the promotion, and has not returned yet. */
  readonly fenced?: Sibling & { readonly databaseGeneration: number };
  /** Set by `fleet promote` in the region that it made the primary. */
  readonly promotion?: Promotion;
}

/** How this primary came to be one; see ADR 0016. */
export interface Promotion {
  /** Grows with every promotion. By it gateways know the primary, and it names the old database's snapshot. */
  readonly epoch: number;
  readonly from: string;
  /** The makes of the secrets that came from the primary before, in `meet:sharedSecrets`. */
  readonly makes: HandedOver["makes"];
}

/** Database, Valkey and web of Meet: in regions that run it or may. With external stores the first two are not made. */
export interface HomeConfig {
  readonly database: {
    readonly instanceClass: string;
    readonly storageGib: number;
    readonly maxStorageGib: number;
    readonly backupRetentionDays: number;
    readonly multiAz: boolean;
    readonly engineVersion: string;
    readonly generation: number;
    /** What the primary's instance of this generation is made from; without effect on one that is there. */
    readonly restore?: Restore;
    /** Who found, and when, that RDS replicates backups between the homes' regions; see infra/aws-regions.ts. */
    readonly backupPairChecked?: string;
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
  /** Not in a media region. */
  readonly home?: HomeConfig;
  readonly fleet: FleetConfig;
  /** Every other stack file. For checks, the plan and tools only: nothing rendered may depend on it. */
  readonly siblings: readonly Sibling[];
}

/** Secrets set by hand with `pulumi config set --secret`; only the primary has them, but for `databaseUrl`. */
export interface StackSecrets {
  readonly oidcClientSecret?: pulumi.Output<string>;
  readonly mailPassword?: pulumi.Output<string>;
  /** What the primary before had made for all regions, as JSON; only after a promotion. */
  readonly handedOver?: pulumi.Output<string>;
  /** Keys of S3-compatible storage, by store. */
  readonly storageKeys?: pulumi.Output<StorageKeys>;
  /** Meet's `DATABASE_URL` in this region; only with external stores. */
  readonly databaseUrl?: pulumi.Output<string>;
  /** Meet's Valkey, for all regions; only with external stores, and in the primary. */
  readonly valkeyUrl?: pulumi.Output<string>;
}

/**
 * Every stack of the fleet from the text of its files, by stack name. Pure: the plan, the tests and the tools use it too.
 *
 * @throws ConfigError with all faults of all files
 */
export function resolveFleet(files: ReadonlyMap<string, string>): Map<string, StackConfig> {
  const faults: ConfigFault[] = [];
  const outlines = [...files]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([file, source]) => readStackFile(file, source, faults) ?? [])
    .map(outlineOf);
  if (files.size === 0) {
    faults.push({
      file: "Pulumi.<stack>.yaml",
      key: "",
      sentence: "no stack file was found. Write one for the primary; see the README.",
    });
  }
  checkFleet(outlines, outlines.length === files.size, faults);
  const inherited = inheritedFrom(outlines.find(({ role }) => role === "primary"));
  const stacks = outlines.flatMap((outline) => stackOf(outline, inherited, faults) ?? []);
  const fleet = fleetOf(outlines, faults);
  if (faults.length > 0 || fleet === undefined) {
    throw new ConfigError(faults);
  }
  const siblings = outlines.map(siblingOf);
  return new Map(
    stacks.map((own) => [
      own.stack,
      { ...own, fleet, siblings: siblings.filter(({ stack }) => stack !== own.stack) },
    ]),
  );
}

/** Where the stack files lie: beside Pulumi.yaml, whatever folder the engine starts the program in. */
const PROJECT_DIRECTORY = join(import.meta.dirname, "..");

function secretFault(stack: string, name: string, why: string): string[] {
  return new pulumi.Config("meet").getSecret(name) === undefined
    ? [
        `Config meet:${name} in Pulumi.${stack}.yaml: missing${why}. Run pulumi config set --secret meet:${name} --stack ${stack}.`,
      ]
    : [];
}

/**
 * This stack's configuration and secrets, inside the program.
 *
 * @param files the stack files, of the project's directory unless given (tests, plan of another revision)
 * @throws pulumi.RunError with all faults
 */
export function loadStackConfig(
  files: ReadonlyMap<string, string> = readFleetFiles(PROJECT_DIRECTORY),
): { config: StackConfig; secrets: StackSecrets } {
  const stack = pulumi.getStack();
  const own = resolveOrRunError(files).get(stack);
  if (own === undefined) {
    throw new pulumi.RunError(
      `Config in Pulumi.${stack}.yaml: the file is missing. Write it with aws:region and meet:network: { cidr: … }.`,
    );
  }
  const faults = runFaults(
    stack,
    files.get(`Pulumi.${stack}.yaml`) ?? "",
    pulumi.runtime.allConfig(),
  );
  const config = new pulumi.Config("meet");
  const isPrimary = own.role === "primary";
  const { user } = own.fleet.mail;
  if (isPrimary) {
    faults.push(...secretFault(stack, "oidcClientSecret", ""));
  }
  if (isPrimary && user !== undefined) {
    faults.push(...secretFault(stack, "mailPassword", ` for the mail user ${user}`));
  }
  if (isPrimary && own.fleet.promotion !== undefined) {
    faults.push(...secretFault(stack, "sharedSecrets", ", which fleet promote copies"));
  }
  const storage = isPrimary ? storageKeysOf(own, faults) : undefined;
  const stores = storeSecretsOf(own, faults);
  if (faults.length > 0) {
    throw new pulumi.RunError(faults.join("\n"));
  }
  const handedOver =
    isPrimary && own.fleet.promotion !== undefined ? config.getSecret("sharedSecrets") : undefined;
  const oidcClientSecret = isPrimary ? config.getSecret("oidcClientSecret") : undefined;
  const mailPassword = isPrimary ? config.getSecret("mailPassword") : undefined;
  return {
    config: own,
    secrets: {
      ...(oidcClientSecret === undefined ? {} : { oidcClientSecret }),
      ...(mailPassword === undefined ? {} : { mailPassword }),
      ...(handedOver === undefined ? {} : { handedOver }),
      ...(storage === undefined ? {} : { storageKeys: pulumi.secret(storage) }),
      ...stores,
    },
  };
}

/** The keys of the fleet's stores, where it has any; what is wrong with them is added to the faults. */
function storageKeysOf({ stack, fleet }: StackConfig, faults: string[]): StorageKeys | undefined {
  const stores = storesOf(fleet);
  if (stores.length === 0) {
    return undefined;
  }
  const source = pulumi.runtime.allConfig()["meet:storageKeys"];
  if (source === undefined) {
    const names = stores.map(({ name }) => name).join(", ");
    faults.push(...secretFault(stack, "storageKeys", ` for the stores ${names}`));
    return undefined;
  }
  const read = readStorageKeys(source, stores);
  if ("keys" in read) {
    return read.keys;
  }
  faults.push(
    ...read.faults.map((fault) => `Config meet:storageKeys in Pulumi.${stack}.yaml: ${fault}`),
  );
  return undefined;
}

/** What leads to external stores; what is wrong with it is added to the faults. */
function storeSecretsOf(
  { stack, role, fleet: { stores } }: StackConfig,
  faults: string[],
): Pick<StackSecrets, "databaseUrl" | "valkeyUrl"> {
  if (stores.kind !== "external") {
    return {};
  }
  const read = (
    name: "databaseUrl" | "valkeyUrl",
    urlOf: typeof databaseUrlOf | typeof valkeyUrlOf,
  ): Partial<Record<typeof name, pulumi.Output<string>>> => {
    const source = pulumi.runtime.allConfig()[`meet:${name}`];
    if (source === undefined) {
      faults.push(...secretFault(stack, name, ", which external stores need"));
      return {};
    }
    const url = urlOf(source, stores);
    if ("faults" in url) {
      faults.push(
        ...url.faults.map((fault) => `Config meet:${name} in Pulumi.${stack}.yaml: ${fault}`),
      );
      return {};
    }
    return { [name]: pulumi.secret(url.url) };
  };
  return {
    ...(role === "primary" || role === "active" ? read("databaseUrl", databaseUrlOf) : {}),
    ...(role === "primary" ? read("valkeyUrl", valkeyUrlOf) : {}),
  };
}

function resolveOrRunError(files: ReadonlyMap<string, string>): Map<string, StackConfig> {
  try {
    return resolveFleet(files);
  } catch (error) {
    throw error instanceof ConfigError ? new pulumi.RunError(error.message) : error;
  }
}
