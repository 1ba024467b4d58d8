import * as z from "zod";
import { known } from "../aws.ts";
import { takeNamesSteps } from "../cloudflare-names.ts";
import type { Registry } from "../command.ts";
import { deployStacks, sayProgress, showChanges } from "../deploy-stacks.ts";
import { showDuration } from "../durations.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { writeAllChecked } from "../file-edits.ts";
import { halfWritten, isPromoted, makesInUse, promotedFiles, secretsToCopy } from "../promotion.ts";
import { checkPromotion, readHandover } from "../promotion-checks.ts";
import { askLargestDatabaseLag } from "../region-facts.ts";
import {
  chosenRegions,
  readFleet,
  readStackFiles,
  regionOf,
  stackFileName,
  type FleetFiles,
} from "../stack-files.ts";
import { runSteps, stepsText, type Step } from "../steps.ts";
import { safeAtOnce } from "../waves.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({ dryRun: z.boolean().default(false) });

/** Registers `fleet promote`. */
export function addPromote(registry: Registry): void {
  registry.add({
    usage: "promote <region>",
    description:
      "Makes the standby the primary, when the primary's region is lost. Nothing asks the lost region.\n" +
      "What the replica had not received is lost: the lag is shown, and the region's name confirms it.",
    examples: ["fleet promote us --dry-run", "fleet promote us --confirm us"],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) => command,
    run: (world, [name = ""], options) => promote(world, name, optionsSchema.parse(options)),
  });
}

/** Promotes a region. Called again, it goes on with what is not done. */
export async function promote(
  world: World,
  name: string,
  options: z.output<typeof optionsSchema>,
): Promise<ExitStatus> {
  const { project } = world;
  const written = readStackFiles(project);
  const rest = halfWritten(written, name);
  // As the files will be: a dry run writes none.
  const files = readFleet(
    project,
    new Map([
      ...written,
      ...[...rest].map(([stack, text]) => [stackFileName(stack), text] as const),
    ]),
  );
  const wasWritten = isPromoted(files, name);
  const from = wasWritten ? (files.fleet.fenced?.stack ?? "") : files.fleet.primary.stack;
  const steps = promotionSteps(world, files, name, from);
  const lag = wasWritten ? undefined : await expectedLoss(world, files, name);
  const { secrets } = await checkPromotion(world, files, { name, from, isBegun: wasWritten });
  if (options.dryRun) {
    const checked = `The state of ${name} has the ${wasWritten ? "database" : "replica"}; ${secrets.size} secrets of ${from} can be read.`;
    world.output.result(
      { region: name, from, expectedLoss: lag ?? null, steps: steps.map((step) => step.name) },
      [lag, checked, "Would go through:", ...steps.map((step) => `  ${step.name}`)]
        .filter((line) => line !== undefined)
        .join("\n"),
    );
    return EXIT.done;
  }
  if (lag !== undefined) {
    await world.confirm.ask(
      `Region "${name}": it becomes the primary instead of ${from}, which must not serve any more. ${lag}`,
      name,
    );
  }
  if (rest.size > 0) {
    writeAllChecked(project, rest);
    world.output.say(`${[...rest.keys()].map(stackFileName).join(", ")}: written`);
  }
  const results = await runSteps(world, `fleet promote ${name}`, steps);
  world.output.result(
    { region: name, from, steps: results },
    `${stepsText(results)}\nRegion ${name} is the primary. Commit ${stackFileName(name)} and ${stackFileName(from)}. When ${from} is back, run fleet return ${from}.`,
  );
  return EXIT.done;
}

function promotionSteps(
  world: World,
  { fleet }: FleetFiles,
  name: string,
  from: string,
): readonly Step[] {
  const { project } = world;
  return [
    {
      name: `files: ${name} is the primary, ${from} is fenced`,
      isDone: () => isPromoted(readFleet(project), name),
      run: async () => {
        const files = readFleet(project);
        const makes = await makesInUse(world, from, files.fleet.secrets);
        writeAllChecked(project, promotedFiles(files, regionOf(files, name), makes));
      },
    },
    {
      name: `${name}: secrets of ${from}`,
      isDone: () => secretsToCopy(readStackFiles(project), from, name).length === 0,
      run: () => copySecrets(world, from, name),
    },
    ...takeNamesSteps(world, fleet, name, from),
    {
      name: `${name}: promote the database, start Meet, take the name`,
      run: async () => {
        world.output.say(
          `${name}: ${showChanges(await world.stacks.up(name, sayProgress(world, name)))}`,
        );
      },
    },
    {
      name: READERS_STEP,
      run: () => deployReaders(world),
    },
  ];
}

/** The last step of whatever makes another region the primary. */
export const READERS_STEP = "deploy the other regions, which read the new primary";

/** Deploys the media regions. @throws FleetError with what kept any from it */
export async function deployReaders(world: World): Promise<void> {
  const regions = chosenRegions(readFleet(world.project), []);
  const others = regions.filter(({ role }) => role === "media");
  const outcomes = await deployStacks(world, others, safeAtOnce());
  const faults = outcomes.flatMap((it) => (it.outcome === "failed" ? [it.error] : []));
  if (outcomes.some(({ outcome }) => outcome !== "done")) {
    throw new FleetError(faults.map(sentenceOf).join("\n") || "Interrupted.");
  }
}

/** Copies secrets from the state and the file of the region before; neither needs that region. */
export async function copySecrets(world: World, from: string, to: string): Promise<void> {
  const files = readStackFiles(world.project);
  const { secrets } = await readHandover(world, { files }, from, to);
  for (const [key, value] of secrets) {
    await world.stacks.setSecret(to, key, value);
  }
}

async function expectedLoss(world: World, files: FleetFiles, name: string): Promise<string> {
  const asked = { project: files.project, region: regionOf(files, name), now: world.clock.now() };
  const lag = await known(() => askLargestDatabaseLag(world.aws, asked));
  return lag.known
    ? `The replica was ${showDuration(lag.value)} behind at most in the last 15 minutes: what was written in that time may be lost.`
    : `How far the replica is behind is not known (${lag.why}): what it has not received is lost.`;
}
