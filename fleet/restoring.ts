import * as z from "zod";
import { databaseIdentifier } from "../components/shared/names.ts";
import type { HomeConfig, StackConfig } from "../infra/config.ts";
import { askBackups, restoreTime, type Backups } from "./backups.ts";
import { takeNamesSteps } from "./cloudflare-names.ts";
import { copySecrets, deployReaders, READERS_STEP } from "./commands/promote.ts";
import { sayProgress, showChanges } from "./deploy-stacks.ts";
import { EXIT, FleetError } from "./exit.ts";
import { changeSetting, writeAllChecked } from "./file-edits.ts";
import { makesInUse, promotedFiles, secretsToCopy, type PromotedFiles } from "./promotion.ts";
import {
  readFleet,
  readStackFiles,
  regionOf,
  withSetting,
  type FleetFiles,
} from "./stack-files.ts";
import type { StateResource } from "./stacks.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

const INSTANCE = "aws:rds/instance:Instance";

/** A restore that is meant or under way. */
export interface Restoration {
  readonly region: string;
  readonly restore: NonNullable<HomeConfig["database"]["restore"]>;
  /** Of the instance that is made. */
  readonly generation: number;
  readonly identifier: string;
  /** The database whose backups they are. */
  readonly source: string;
  /** The primary that the region takes the place of; undefined where it is the primary itself. */
  readonly insteadOf?: string;
  /** What was found of backups; undefined where the files say already what is restored. */
  readonly backups?: Backups;
}

/**
 * What a call means: the restore that the files name already, or another.
 * @param files as they are, or will be once the second of two is written
 * @param asked a time, or `latest`: that goes on with a restore that is not finished, whose time it gave
 * @throws FleetError when it cannot be done, with nothing changed
 */
export async function plannedRestoration(
  world: World,
  files: FleetFiles,
  name: string,
  asked: string,
): Promise<Restoration> {
  const region = regionOf(files, name);
  const { fleet, project } = files;
  if (fleet.stores.kind === "external") {
    throw new FleetError(
      `Region "${name}": the fleet's stores are external, and no backup of the database is ours. Restore it where it runs.`,
      EXIT.wrongUse,
    );
  }
  if (region.home === undefined || (region.role !== "primary" && region.role !== "standby")) {
    const homes = [
      fleet.primary.stack,
      ...(fleet.standby === undefined ? [] : [fleet.standby.stack]),
    ];
    throw new FleetError(
      `Region "${name}": it is ${region.role} and has no backups of the database. Restore in ${homes.join(" or ")}.`,
      EXIT.wrongUse,
    );
  }
  const { generation, restore } = region.home.database;
  const nameOf = (number: number): string => databaseIdentifier(project, name, number);
  if (region.role === "primary" && restore !== undefined) {
    const isMade = (await databases(world, name)).some((it) => idOf(it) === nameOf(generation));
    const goesOn = asked === "latest" && !(isMade && (await isFinished(world, files, region)));
    if (asked === restore.to || goesOn) {
      const from = fleet.fenced?.stack;
      return {
        ...{ region: name, restore, generation, identifier: nameOf(generation) },
        source: from === undefined ? nameOf(generation - 1) : restore.from,
        ...(from === undefined ? {} : { insteadOf: from }),
      };
    }
    if (!isMade) {
      throw new FleetError(
        `Region "${name}": its restore to ${restore.to} is under way. Finish it with fleet restore ${name} --to ${restore.to}, then begin another.`,
        EXIT.wrongUse,
      );
    }
  }
  const isTakeover = region.role === "standby";
  const source = isTakeover
    ? databaseIdentifier(project, fleet.primary.stack, fleet.primaryDatabaseGeneration)
    : nameOf(generation);
  const backups = await askBackups(world.aws, region.awsRegion, source);
  return {
    ...{ region: name, source, backups },
    restore: { from: backups.from, to: restoreTime(asked, backups) },
    generation: generation + 1,
    identifier: nameOf(generation + 1),
    ...(isTakeover ? { insteadOf: fleet.primary.stack } : {}),
  };
}

/** Makes the database anew from backups. No instance is deleted: those before stay in the cloud, in no state. */
export function restoreSteps(world: World, files: FleetFiles, plan: Restoration): readonly Step[] {
  const { region, identifier, insteadOf, restore } = plan;
  const { project } = world;
  return [
    {
      name: `files: ${region} is the primary with database ${identifier}, as of ${restore.to}`,
      isDone: () => isWritten(readFleet(project), plan),
      run: async () => {
        writeAllChecked(project, await restoredFiles(world, readFleet(project), plan));
      },
    },
    ...(insteadOf === undefined
      ? []
      : [
          {
            name: `${region}: secrets of ${insteadOf}`,
            isDone: () => secretsToCopy(readStackFiles(project), insteadOf, region).length === 0,
            run: () => copySecrets(world, insteadOf, region),
          },
          ...takeNamesSteps(world, files.fleet, region, insteadOf),
        ]),
    leaveStep(world, region, () => identifier),
    {
      name: `${region}: make ${identifier} from the backups, and let Meet use it`,
      run: () => deploy(world, region),
    },
    ...(insteadOf === undefined
      ? replicaSteps(world, files, plan)
      : [{ name: READERS_STEP, run: () => deployReaders(world) }]),
  ];
}

/** The files with the database of the next generation; in a takeover those of a promotion as well. */
export async function restoredFiles(
  world: Pick<World, "stacks">,
  files: FleetFiles,
  { insteadOf, ...plan }: Restoration,
): Promise<PromotedFiles> {
  const region = regionOf(files, plan.region);
  const base: PromotedFiles =
    insteadOf === undefined
      ? new Map([[plan.region, files.files.get(`Pulumi.${plan.region}.yaml`) ?? ""]])
      : promotedFiles(files, region, await makesInUse(world, insteadOf, files.fleet.secrets));
  return new Map(
    [...base].map(([name, text]): [string, string] => {
      if (name !== plan.region) {
        return [name, text];
      }
      const next = withSetting(text, ["meet:database", "generation"], plan.generation);
      return [name, withSetting(next, ["meet:database", "restore"], plan.restore)];
    }),
  );
}

function isWritten({ regions }: FleetFiles, { region, generation, restore }: Restoration): boolean {
  const now = regions.get(region);
  const database = now?.home?.database;
  return (
    now?.role === "primary" &&
    database?.generation === generation &&
    database.restore?.to === restore.to
  );
}

/** Updates that are looked at for the first one of a restore. */
const HISTORY = 50;

/**
 * Whether nothing is left to do of the restore that a primary's file names: an update with it succeeded, and whoever
 * follows the database was deployed since: the standby, or after a takeover the regions that read the new primary.
 */
async function isFinished(
  { stacks }: Pick<World, "stacks">,
  { fleet, regions }: FleetFiles,
  { stack, home }: StackConfig,
): Promise<boolean> {
  const restored = (await stacks.updates(stack, HISTORY))
    .filter(({ kind, succeeded }) => kind === "update" && succeeded)
    .filter(({ config }) => restoredTo(config.get("meet:database")) === home?.database.restore?.to)
    .at(-1);
  if (restored === undefined) {
    return false;
  }
  const followers =
    fleet.fenced === undefined
      ? [...regions.values()].filter(({ role }) => role === "standby")
      : [...regions.values()].filter(({ role }) => role === "media");
  for (const follower of followers) {
    const isSince = (await stacks.updates(follower.stack, HISTORY)).some(
      ({ kind, succeeded, startedAt }) =>
        kind === "update" && succeeded && startedAt >= restored.endedAt,
    );
    if (!isSince) {
      return false;
    }
  }
  return true;
}

const databaseSchema = z.object({ restore: z.object({ to: z.string() }) });

/** The time that an update restored to, by the setting that it ran with. */
function restoredTo(setting: string | undefined): string | undefined {
  try {
    return databaseSchema.safeParse(JSON.parse(setting ?? "null")).data?.restore.to;
  } catch {
    return undefined;
  }
}

/** The standby's replica is one of the database before: another is made, and the old one is left as well. */
function replicaSteps(world: World, { fleet }: FleetFiles, plan: Restoration): readonly Step[] {
  const { standby } = fleet;
  if (standby === undefined) {
    return [];
  }
  const { project } = world;
  const { stack } = standby;
  const wanted = (): string => {
    const files = readFleet(project);
    return databaseIdentifier(files.project, stack, generationOf(regionOf(files, stack)));
  };
  return [
    {
      name: `files: ${stack} has a new replica`,
      isDone: async () => {
        const found = await databases(world, stack);
        return found.every((it) => idOf(it) !== wanted() || isReplicaOf(it, plan.identifier));
      },
      run: () => {
        const next = generationOf(regionOf(readFleet(project), stack)) + 1;
        changeSetting(project, stack, ["meet:database", "generation"], next);
        return Promise.resolve();
      },
    },
    leaveStep(world, stack, wanted),
    { name: `${stack}: make the replica`, run: () => deploy(world, stack) },
  ];
}

/** Without this the engine would replace the instance, which is protected, and reuse what made it. */
function leaveStep(world: World, stack: string, wanted: () => string): Step {
  const old = async (): Promise<readonly StateResource[]> =>
    (await databases(world, stack)).filter((it) => idOf(it) !== wanted());
  return {
    name: `${stack}: leave the database it has, out of its state`,
    isDone: async () => (await old()).length === 0,
    run: async () => {
      for (const resource of await old()) {
        await world.stacks.forget(stack, [resource.urn]);
        world.output.say(`${stack}: ${idOf(resource)} is kept, and in no state`);
      }
    },
  };
}

async function databases(world: World, stack: string): Promise<readonly StateResource[]> {
  const { resources } = await world.stacks.state(stack);
  return resources.filter(({ type }) => type === INSTANCE);
}

function idOf({ inputs }: StateResource): string {
  return String(inputs["identifier"]);
}

function isReplicaOf({ inputs }: StateResource, identifier: string): boolean {
  return String(inputs["replicateSourceDb"]).endsWith(`:db:${identifier}`);
}

function generationOf({ home }: StackConfig): number {
  return home?.database.generation ?? 1;
}

async function deploy(world: World, stack: string): Promise<void> {
  await stopIfHalfMade(world, stack);
  const changes = await world.stacks.up(stack, sayProgress(world, stack));
  world.output.say(`${stack}: ${showChanges(changes)}`);
}

/**
 * An instance takes RDS half an hour: where a killed update was making it, the state does not say whether it is there,
 * and the engine would ask for another of the same identifier, which RDS refuses.
 */
async function stopIfHalfMade({ stacks }: World, stack: string): Promise<void> {
  const { pending, resources } = await stacks.state(stack);
  const known = new Set(resources.map((each) => each.urn));
  // What is in the state as well was being changed, which the engine does again.
  const urn = pending.find((each) => each.includes(`${INSTANCE}::`) && !known.has(each));
  if (urn !== undefined) {
    throw new FleetError(
      `Stack "${stack}": an update was killed while it made the database, and its state does not say whether RDS has it. Look, and say so with script/resolve-pending (docs/runbooks/interrupted-update.md): ${urn}.`,
    );
  }
}
