import type { FleetConfig, Sibling, StackConfig } from "./config.ts";
import type { ConfigFault } from "./config-faults.ts";
import { fleetSchema } from "./fleet-schema.ts";
import { SIZE_DEFAULTS } from "./sizes.ts";
import { type Outline, parseConfig } from "./stack-file.ts";
import { type HomeDefaults, homeSchema, stackSchema } from "./stack-schema.ts";

/** What a region without settings of its own takes from the primary: who deploys it, and from where. */
export interface Inherited {
  readonly deployRoleArns: readonly string[];
  readonly publicAccessCidrs: readonly string[];
  readonly database?: HomeDefaults["database"];
}

/** What the other stacks know of this one. */
export function siblingOf({ stack, role, awsRegion, residency, networkCidr }: Outline): Sibling {
  return {
    stack,
    role: role ?? "media",
    awsRegion: awsRegion ?? "",
    residency: residency ?? "",
    networkCidr: networkCidr ?? "",
  };
}

/** What the other files need not repeat. */
export function inheritedFrom(primary: Outline | undefined): Inherited {
  if (primary === undefined) {
    return { deployRoleArns: [], publicAccessCidrs: [] };
  }
  const defaults = SIZE_DEFAULTS[primary.size];
  const own = parseConfig(stackSchema(defaults), primary, []);
  const home = parseConfig(homeSchema(defaults), primary, []);
  return {
    deployRoleArns: own?.["meet:deployRoleArns"] ?? [],
    publicAccessCidrs: own?.["meet:cluster"].publicAccessCidrs ?? [],
    ...(home === undefined ? {} : { database: home["meet:database"] }),
  };
}

/** Which make of its database instance a home uses. */
function generationOf(home: Outline): number {
  return (
    parseConfig(homeSchema(SIZE_DEFAULTS[home.size]), home, [])?.["meet:database"].generation ?? 1
  );
}

/** What is fleet-wide, from the primary's file. */
export function fleetOf(
  outlines: readonly Outline[],
  faults: ConfigFault[],
): FleetConfig | undefined {
  const primary = outlines.find(({ role }) => role === "primary");
  const standby = outlines.find(({ role }) => role === "standby");
  const fenced = outlines.find(({ role }) => role === "fenced");
  const parsed = primary === undefined ? undefined : parseConfig(fleetSchema, primary, faults);
  if (primary === undefined || parsed === undefined) {
    return undefined;
  }
  const administrator = parsed["meet:administrator"];
  const telephony = parsed["meet:telephony"];
  const promotion = parsed["meet:promotion"];
  return {
    domain: parsed["meet:domain"],
    dns: parsed["meet:dns"],
    oidc: parsed["meet:oidc"],
    mail: parsed["meet:mail"],
    ...(administrator === undefined ? {} : { administrator }),
    versions: parsed["meet:versions"],
    recordings: parsed["meet:recordings"],
    stores: parsed["meet:stores"],
    placement: parsed["meet:placement"],
    secrets: parsed["meet:secrets"],
    ...(telephony === undefined ? {} : { telephony }),
    primary: siblingOf(primary),
    primaryDatabaseGeneration: generationOf(primary),
    ...(standby === undefined ? {} : { standby: siblingOf(standby) }),
    actives: outlines.filter(({ role }) => role === "active").map(siblingOf),
    ...(fenced === undefined
      ? {}
      : { fenced: { ...siblingOf(fenced), databaseGeneration: generationOf(fenced) } }),
    ...(promotion === undefined ? {} : { promotion }),
  };
}

/** What RDS refuses of a replica (RDS user guide, USER_ReadRepl and USER_PostgreSQL.Replication.ReadReplicas). */
function replicaFaults(
  file: string,
  { storageGib, engineVersion }: HomeDefaults["database"],
  source: HomeDefaults["database"],
): ConfigFault[] {
  const smaller = {
    file,
    key: "meet:database.storageGib",
    sentence: `${storageGib} is less than the primary's ${source.storageGib}, and a replica holds all of its source. Leave it out or raise it.`,
  };
  const other = {
    file,
    key: "meet:database.engineVersion",
    sentence: `${engineVersion} is not the primary's ${source.engineVersion}, and a replica runs its source's version. Leave it out.`,
  };
  return [
    ...(storageGib < source.storageGib ? [smaller] : []),
    ...(engineVersion !== source.engineVersion ? [other] : []),
  ];
}

/** What one region is built from, but for what it shares with the others. */
export function stackOf(
  outline: Outline,
  inherited: Inherited,
  faults: ConfigFault[],
): Omit<StackConfig, "fleet" | "siblings"> | undefined {
  const defaults = SIZE_DEFAULTS[outline.size];
  const isHome = outline.role !== undefined && outline.role !== "media";
  const own = parseConfig(stackSchema(defaults), outline, faults);
  // A replica is built like its source, unless its file says otherwise.
  const source = outline.role === "standby" ? inherited.database : undefined;
  const homeDefaults = source === undefined ? defaults : { ...defaults, database: source };
  const home = isHome ? parseConfig(homeSchema(homeDefaults), outline, faults) : undefined;
  if (own === undefined || (isHome && home === undefined)) {
    return undefined;
  }
  if (home !== undefined && source !== undefined) {
    faults.push(...replicaFaults(outline.file, home["meet:database"], source));
  }
  const { kubernetesVersion, publicAccessCidrs, systemNodes, logRetentionDays } =
    own["meet:cluster"];
  const { stack, role, awsRegion, residency } = siblingOf(outline);
  return {
    stack,
    role,
    awsRegion,
    residency,
    size: own["meet:size"],
    deployRoleArns: own["meet:deployRoleArns"] ?? inherited.deployRoleArns,
    protection: own["meet:protection"],
    network: own["meet:network"],
    cluster: {
      kubernetesVersion,
      publicAccessCidrs: publicAccessCidrs ?? inherited.publicAccessCidrs,
      systemNodes,
      logRetentionDays,
    },
    media: own["meet:media"],
    egress: own["meet:egress"],
    rooms: own["meet:rooms"],
    downloads: own["meet:downloads"],
    livekitValkey: own["meet:livekitValkey"],
    ...(home === undefined
      ? {}
      : {
          home: {
            database: home["meet:database"],
            meetValkey: home["meet:meetValkey"],
            backend: home["meet:backend"],
            frontend: home["meet:frontend"],
          },
        }),
  };
}
