import { databaseIdentifier } from "../components/shared/names.ts";
import type { StackConfig } from "../infra/config.ts";
import { EXIT, FleetError, sentenceOf } from "./exit.ts";
import { HANDED_OVER_KEY, secretsToCopy } from "./promotion.ts";
import { regionOf, type FleetFiles } from "./stack-files.ts";
import type { StateResource } from "./stacks.ts";
import type { World } from "./world.ts";

const INSTANCE = "aws:rds/instance:Instance";

/** What a promotion goes on with: the secrets, by key, that the new primary's file does not have yet. */
export interface Handover {
  readonly secrets: ReadonlyMap<string, string>;
}

/**
 * Looks at all that a promotion needs before it changes anything: the replica, without which an empty database would be
 * made, and the secrets of the region before. Neither asks AWS; the states are enough.
 * @param isBegun the files say already that the region is the primary: its database may be promoted
 * @throws FleetError with all that is missing, nothing changed
 */
export async function checkPromotion(
  world: World,
  files: FleetFiles,
  { name, from, isBegun }: { name: string; from: string; isBegun: boolean },
): Promise<Handover> {
  const [database, handover] = await Promise.allSettled([
    checkDatabase(world, files, regionOf(files, name), isBegun),
    readHandover(world, files, from, name),
  ]);
  const faults = [database, handover].flatMap((it) =>
    it.status === "rejected" ? [sentenceOf(it.reason)] : [],
  );
  if (faults.length > 0 || handover.status === "rejected") {
    throw new FleetError(
      [...faults, "Nothing was changed by this call."].join("\n"),
      EXIT.notFinished,
    );
  }
  return handover.value;
}

/** The secrets of the region before, from its state and its file; that region is not asked. */
export async function readHandover(
  { stacks }: Pick<World, "stacks">,
  { files }: Pick<FleetFiles, "files">,
  from: string,
  to: string,
): Promise<Handover> {
  const set = await stacks.secrets(from);
  const { sharedSecrets } = await stacks.outputs(from);
  const secrets = new Map<string, string>();
  const unreadable: string[] = [];
  for (const key of secretsToCopy(files, from, to)) {
    const value =
      key === HANDED_OVER_KEY && sharedSecrets !== undefined
        ? JSON.stringify(sharedSecrets)
        : set.get(key);
    if (value === undefined) {
      unreadable.push(key);
    } else {
      secrets.set(key, value);
    }
  }
  if (unreadable.length > 0) {
    throw new FleetError(
      `Stack "${from}": its ${unreadable.join(", ")} cannot be read. Use the fleet's secrets provider and passphrase; the state must be there.`,
    );
  }
  return { secrets };
}

async function checkDatabase(
  { stacks }: World,
  { project, fleet }: FleetFiles,
  region: StackConfig,
  isBegun: boolean,
): Promise<void> {
  const { stack } = region;
  const wanted = databaseIdentifier(project, stack, region.home?.database.generation ?? 1);
  const source = databaseIdentifier(project, fleet.primary.stack, fleet.primaryDatabaseGeneration);
  const { resources, pending } = await stacks.state(stack);
  const instance = resources.find(
    (it) => it.type === INSTANCE && textOf(it, "identifier") === wanted,
  );
  const instead = "Restore a backup instead: docs/runbooks/restore-the-database.md.";
  if (instance === undefined) {
    const isHalfMade = pending.some((urn) => urn.includes(`${INSTANCE}::`));
    throw new FleetError(
      isHalfMade
        ? `Stack "${stack}": an update was killed while it made the database ${wanted}, and its state does not say whether RDS has it. Look, and say so with script/resolve-pending (docs/runbooks/interrupted-update.md).`
        : `Stack "${stack}": its state has no database ${wanted}, so a promotion would make an empty one. ${instead}`,
    );
  }
  const replicated = textOf(instance, "replicateSourceDb");
  if (!isBegun && !replicated.endsWith(`:db:${source}`)) {
    throw new FleetError(
      `Stack "${stack}": its database ${wanted} is ${replicated === "" ? "no replica" : `a replica of ${replicated}`}, not of ${source}, which Meet uses. ${instead}`,
    );
  }
}

function textOf({ inputs }: StateResource, key: string): string {
  const value = inputs[key];
  return typeof value === "string" ? value : "";
}
