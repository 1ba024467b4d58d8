import * as z from "zod";
import type { Registry } from "../command.ts";
import { parseDuration } from "../durations.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { deletionSteps, peopleThere } from "../removal.ts";
import type { RecordingsOptions } from "../removal-recordings.ts";
import { chosenRegions, readFleet, stackFileName, type FleetFiles } from "../stack-files.ts";
import { runSteps, stepsText, type StepResult } from "../steps.ts";
import type { World } from "../world.ts";

const optionsSchema = z
  .object({
    wait: z.string().default("30m"),
    deleteRecordings: z.boolean().default(false),
    loseRecordings: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  })
  .transform(({ wait, ...options }) => ({ ...options, waitSeconds: parseDuration(wait) }));

/** Registers `fleet destroy`. */
export function addDestroy(registry: Registry): void {
  registry.add({
    usage: "destroy",
    description:
      "Deletes the whole fleet, region by region, the primary last. Each region is confirmed by its name.\n" +
      "What stays on purpose is in docs/runbooks/remove-a-region.md. The primary's file stays, too.",
    examples: ["fleet destroy --dry-run", "fleet destroy --lose-recordings --confirm us eu"],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      command
        .option("--wait <time>", "for recordings that S3 is copying, and for AWS to answer", "30m")
        .option(
          "--delete-recordings",
          "empty each bucket of which the homes that are left have copies",
        )
        .option("--lose-recordings", "empty all buckets: the recordings are gone for good"),
    run: (world, _, options) => destroyFleet(world, optionsSchema.parse(options)),
  });
}

/**
 * Deletes all regions, the primary last. Called again, it goes on with what is not done.
 * @throws FleetError before anything is asked or deleted where a region is fenced
 */
export async function destroyFleet(
  world: World,
  options: RecordingsOptions & { readonly dryRun: boolean },
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  const { fenced } = fleet.fleet;
  if (fenced !== undefined) {
    throw new FleetError(
      `Region "${fenced.stack}": it is fenced, and its protected database may have rows that ${fleet.fleet.primary.stack} has not. Run fleet return ${fenced.stack} first, or fleet region remove ${fenced.stack} --forget if it never returns.`,
      EXIT.wrongUse,
    );
  }
  const order = [...chosenRegions(fleet, [])].reverse();
  if (options.dryRun) {
    const names = order.map(({ stack }) => stack);
    world.output.result(
      { order: names },
      `Would delete, one after another: ${names.join(", ")}. fleet up --dry-run shows what there is.`,
    );
    return EXIT.done;
  }
  const results: StepResult[] = [];
  for (const { stack } of order) {
    // Read anew: with every region that is gone, the others' configuration is another.
    results.push(...(await destroyOne(world, readFleet(world.project), stack, options)));
  }
  world.output.result({ steps: results }, `${stepsText(results)}\nThe fleet is gone.`);
  return EXIT.done;
}

async function destroyOne(
  world: World,
  fleet: FleetFiles,
  stack: string,
  options: RecordingsOptions,
): Promise<readonly StepResult[]> {
  const region = fleet.regions.get(stack);
  if (region === undefined) {
    return [];
  }
  const isPrimary = region.role === "primary";
  if ((await world.stacks.names()).has(stack)) {
    const status = await peopleThere(world, fleet, stack);
    const people =
      status === undefined
        ? ""
        : ` ${status.participants ?? "An unknown number of"} people in ${status.rooms} rooms are cut off.`;
    const data = isPrimary
      ? " With it go accounts, rooms and the database; a final snapshot stays."
      : "";
    await world.confirm.ask(
      `Region "${stack}" (${region.awsRegion}): all that it has is deleted.${people}${data}`,
      stack,
    );
  }
  const results = await runSteps(
    world,
    "fleet destroy",
    deletionSteps(world, fleet, region, {
      ...options,
      keepFile: isPrimary,
      reason: "removed by fleet destroy",
    }),
  );
  world.output.say(
    isPrimary ? `${stackFileName(stack)}: kept, to begin anew from` : `${stack}: gone`,
  );
  return results;
}
