import { parseDocument } from "yaml";
import { z } from "zod";
import type { Promotion, StackConfig } from "../infra/config.ts";
import { SECRET_KEYS } from "../infra/fleet-rules.ts";
import { fleetKeys, handedOverMakesSchema } from "../infra/fleet-schema.ts";
import type { SecretsConfig } from "../infra/secrets-schema.ts";
import { EXIT, FleetError } from "./exit.ts";
import { deployedSecrets } from "./rotation.ts";
import { regionOf, stackFileName, withSetting, type FleetFiles } from "./stack-files.ts";
import type { World } from "./world.ts";

/** The files of a promotion, by region: the new primary's first. */
export type PromotedFiles = ReadonlyMap<string, string>;

/** Updates that are looked at for what is deployed. */
const HISTORY = 50;

/** Setting under which the new primary's file says how it came to be one. */
const PROMOTION = "meet:promotion";

/** The secret that all that the primary before had made is copied into. */
export const HANDED_OVER_KEY = "meet:sharedSecrets";

/**
 * Whether the files say already that a region was promoted and the one before is fenced.
 * @throws FleetError for a region that cannot be promoted
 */
export function isPromoted({ fleet, regions }: FleetFiles, name: string): boolean {
  const region = regionOf({ regions }, name);
  if (region.role === "primary" && fleet.promotion?.from === fleet.fenced?.stack) {
    if (fleet.fenced !== undefined) {
      return true;
    }
  }
  if (fleet.stores.kind === "external") {
    throw new FleetError(
      `Region "${name}": the fleet's stores are external, and every region with Meet serves already (${[fleet.primary, ...fleet.actives].map(({ stack }) => stack).join(", ")}). Nothing has to be promoted: meet.${fleet.domain} leaves out the region that is lost.`,
      EXIT.wrongUse,
    );
  }
  if (region.role !== "standby") {
    const standby =
      fleet.standby === undefined
        ? "There is none: restore a backup with docs/runbooks/restore-the-database.md."
        : `That is ${fleet.standby.stack}.`;
    throw new FleetError(
      `Region "${name}": it is ${region.role}, and only the standby has a copy of the database. ${standby}`,
      EXIT.wrongUse,
    );
  }
  return false;
}

/**
 * The two files after the promotion of the standby. What is fleet-wide moves to the new primary's file, with what it
 * took from the primary's; the file of the region before keeps its own settings, and says `fenced`. What it says of
 * secrets stays: it is at most one phase of a rotation ahead of the makes that are handed over, and goes on from there.
 * But a password of the database that was never deployed is forgotten: RDS takes none for a replica, and the promotion
 * would fail. Its rotation begins anew.
 * @param makes those of the values that are handed over (makesInUse)
 */
export function promotedFiles(
  files: FleetFiles,
  region: StackConfig,
  makes: Promotion["makes"],
): PromotedFiles {
  const { fleet } = files;
  const before = fleet.primary.stack;
  const old = textOf(files.files, before);
  const moved = configOf(old);
  let own = withSetting(textOf(files.files, region.stack), ["meet:role"], "primary");
  for (const key of fleetKeys.filter((each) => each !== PROMOTION)) {
    if (moved[key] !== undefined) {
      own = withSetting(own, [key], moved[key]);
    }
  }
  own = withSetting(own, [PROMOTION], {
    epoch: (fleet.promotion?.epoch ?? 1) + 1,
    from: before,
    makes,
  });
  const [password = 1] = makes.database;
  if (fleet.secrets.database.generation !== password) {
    own = withSetting(own, ["meet:secrets", "database", "generation"], password);
  }
  if (region.home !== undefined) {
    own = withSetting(own, ["meet:database"], region.home.database);
  }
  if (region.deployRoleArns.length > 0) {
    own = withSetting(own, ["meet:deployRoleArns"], region.deployRoleArns);
  }
  const { publicAccessCidrs } = region.cluster;
  own = withSetting(own, ["meet:cluster", "publicAccessCidrs"], publicAccessCidrs);
  return new Map([
    [region.stack, own],
    [before, fenced(old)],
  ]);
}

/**
 * Where a promotion was killed between the two files: the file that is still to be written. Nothing else reads such
 * files, because two primaries are a fault.
 */
export function halfWritten(files: ReadonlyMap<string, string>, name: string): PromotedFiles {
  const own = configOf(files.get(stackFileName(name)) ?? "");
  const from = z.object({ from: z.string() }).safeParse(own[PROMOTION]).data?.from;
  const old = from === undefined ? undefined : files.get(stackFileName(from));
  if (from === undefined || old === undefined || configOf(old)["meet:role"] !== "primary") {
    return new Map();
  }
  return new Map([[from, fenced(old)]]);
}

/** The secrets that the new primary's file does not have yet, of those that the file before has. */
export function secretsToCopy(files: ReadonlyMap<string, string>, from: string, to: string) {
  const there = configOf(textOf(files, from));
  const own = configOf(textOf(files, to));
  const wanted = SECRET_KEYS.filter((key) => key === HANDED_OVER_KEY || there[key] !== undefined);
  return wanted.filter((key) => own[key] === undefined);
}

/** The file of what was the primary: no part of the fleet's settings. Its secrets stay until it returns. */
function fenced(text: string): string {
  let out = withSetting(text, ["meet:role"], "fenced");
  for (const key of fleetKeys.filter((each) => configOf(text)[each] !== undefined)) {
    out = withSetting(out, [key], undefined);
  }
  return out;
}

/**
 * Of which makes the values are that a region's state hands over: that which signs, then that which is accepted as
 * well. Where a version before deployed it, by the settings of its last update; the file may be ahead of it.
 */
export async function makesInUse(
  { stacks }: Pick<World, "stacks">,
  from: string,
  file: SecretsConfig,
): Promise<Promotion["makes"]> {
  const { sharedSecrets } = await stacks.outputs(from);
  const told = z.object({ makes: handedOverMakesSchema }).safeParse(sharedSecrets).data;
  if (told !== undefined) {
    return told.makes;
  }
  const updates = await stacks.updates(from, HISTORY);
  const last = updates.find(({ kind, succeeded }) => kind === "update" && succeeded);
  return makesOf((last && deployedSecrets(last.config)) ?? file);
}

function makesOf(secrets: SecretsConfig): Promotion["makes"] {
  const of = (secret: "livekitKeys" | "peer" | "operator"): readonly number[] => {
    const { generation, keepPrevious, signWith } = secrets[secret];
    if (!keepPrevious) {
      return [generation];
    }
    return signWith === "previous" ? [generation - 1, generation] : [generation, generation - 1];
  };
  return {
    livekitKeys: of("livekitKeys"),
    peer: of("peer"),
    operator: of("operator"),
    django: [secrets.django.generation],
    database: [secrets.database.generation],
  };
}

const fileSchema = z.object({ config: z.record(z.string(), z.unknown()).default({}) });

function configOf(text: string): Readonly<Record<string, unknown>> {
  return fileSchema.safeParse(parseDocument(text).toJS()).data?.config ?? {};
}

function textOf(files: ReadonlyMap<string, string>, region: string): string {
  return files.get(stackFileName(region)) ?? "";
}
