import { z } from "zod";
import { databaseIdentifier } from "../components/shared/names.ts";
import type { StackConfig } from "../infra/config.ts";
import { SECRET_KEYS } from "../infra/fleet-rules.ts";
import { sayProgress, showChanges } from "./deploy-stacks.ts";
import { FleetError } from "./exit.ts";
import { writeChecked } from "./file-edits.ts";
import {
  chosenRegions,
  readFleet,
  readStackFiles,
  regionOf,
  stackFileName,
  withSetting,
  type FleetFiles,
} from "./stack-files.ts";
import type { Step } from "./steps.ts";
import type { World } from "./world.ts";

/** Milliseconds between two looks at a snapshot, and for how long one is waited for in one call. */
const LOOK_MS = 15_000;
const PATIENCE_MS = 3_600_000;

/** The component that makes the database, as its URNs name it (components/postgres/postgres.ts). */
export const DATABASE_TYPE = "meet:data:Postgres";

/** Names of the database that is given up and of its snapshot, for reconciliation. */
export interface OldDatabase {
  readonly identifier: string;
  readonly snapshot: string;
}

/** The database that a fenced region had, also late in its return. The epoch keeps a second return from meeting the first one's snapshot. */
export function oldDatabase({ project, fleet }: FleetFiles, region: StackConfig): OldDatabase {
  const now = region.home?.database.generation ?? 1;
  const generation = region.role === "fenced" ? now : now - 1;
  const identifier = databaseIdentifier(project, region.stack, generation);
  return { identifier, snapshot: `${identifier}-before-epoch-${fleet.promotion?.epoch ?? 1}` };
}

/** What was the primary becomes the standby. Its database is neither used again nor deleted. */
export function returnSteps(world: World, files: FleetFiles, region: StackConfig): readonly Step[] {
  const { project } = world;
  const { stack } = region;
  const old = oldDatabase(files, region);
  const isStandby = (): boolean => regionOf(readFleet(project), stack).role === "standby";
  return [
    {
      name: `${stack}: snapshot ${old.snapshot} of its database`,
      isDone: async () => isStandby() || (await snapshotState(world, region, old)) === "available",
      run: () => takeSnapshot(world, region, old),
    },
    {
      name: `${stack}: keep database ${old.identifier}, take it out of the state`,
      isDone: isStandby,
      run: async () => {
        const marked = await world.stacks.keep(stack, DATABASE_TYPE);
        world.output.say(`${stack}: ${marked} resources of the database are kept`);
        await deploy(world, stack);
      },
    },
    {
      name: `files: ${stack} is the standby, with a database of a new identifier`,
      isDone: isStandby,
      run: () => {
        writeChecked(project, stack, standbyFile(readStackFiles(project), region));
        return Promise.resolve();
      },
    },
    ...chosenRegions(files, [])
      .map((each) => each.stack)
      .map((each) => ({
        name: each === stack ? `${each}: make its replica` : `${each}: deploy`,
        run: () => deploy(world, each),
      })),
  ];
}

/** The region's file as standby's: the next identifier, and none of the secrets, which the primary has. */
export function standbyFile(files: ReadonlyMap<string, string>, region: StackConfig): string {
  let text = files.get(stackFileName(region.stack)) ?? "";
  text = withSetting(text, ["meet:role"], "standby");
  for (const key of SECRET_KEYS) {
    text = withSetting(text, [key], undefined);
  }
  const next = (region.home?.database.generation ?? 1) + 1;
  return withSetting(text, ["meet:database", "generation"], next);
}

async function deploy(world: World, stack: string): Promise<void> {
  const changes = await world.stacks.up(stack, sayProgress(world, stack));
  world.output.say(`${stack}: ${showChanges(changes)}`);
}

const snapshotsSchema = z.object({
  DBSnapshots: z.array(z.object({ Status: z.string() })),
});

/** Its state as RDS names it; undefined where there is none. @throws FleetError when AWS does not say */
async function snapshotState(
  world: World,
  { awsRegion }: StackConfig,
  { identifier, snapshot }: OldDatabase,
): Promise<string | undefined> {
  try {
    const answer = await world.aws.call(awsRegion, [
      ...["rds", "describe-db-snapshots", "--db-snapshot-identifier", snapshot],
    ]);
    return snapshotsSchema.parse(answer).DBSnapshots[0]?.Status;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("DBSnapshotNotFound")) {
      return undefined;
    }
    throw new FleetError(
      `Database "${identifier}": AWS does not say whether it has the snapshot ${snapshot} (${error instanceof Error ? error.message : "no reason"}). Nothing was changed; call the command when ${awsRegion} answers.`,
    );
  }
}

async function takeSnapshot(world: World, region: StackConfig, old: OldDatabase): Promise<void> {
  const { identifier, snapshot } = old;
  if ((await snapshotState(world, region, old)) === undefined) {
    try {
      await world.aws.call(region.awsRegion, [
        ...["rds", "create-db-snapshot", "--db-instance-identifier", identifier],
        ...["--db-snapshot-identifier", snapshot],
      ]);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("DBInstanceNotFound"))) {
        throw error;
      }
      world.output.say(
        `${region.stack}: RDS has no ${identifier} any more, so there is nothing to keep and nothing to compare`,
      );
      return;
    }
  }
  const until = world.clock.now() + PATIENCE_MS;
  for (;;) {
    const state = await snapshotState(world, region, old);
    if (state === "available") {
      return;
    }
    if (state === "failed") {
      throw new FleetError(
        `Snapshot "${snapshot}": RDS says it failed. Delete it, then call the command again.`,
      );
    }
    if (world.interrupted.aborted || world.clock.now() >= until) {
      throw new FleetError(`Snapshot "${snapshot}": it is ${state ?? "missing"}, not available.`);
    }
    await world.clock.sleep(LOOK_MS);
  }
}
