import * as z from "zod";
import { known } from "../aws.ts";
import type { Registry } from "../command.ts";
import { deployStacks, sayProgress, showChanges } from "../deploy-stacks.ts";
import { showDuration } from "../durations.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { writeAllChecked } from "../file-edits.ts";
import {
  HANDED_OVER_KEY,
  halfWritten,
  isPromoted,
  promotedFiles,
  secretsToCopy,
} from "../promotion.ts";
import { askDatabaseLag } from "../region-facts.ts";
import {
  chosenRegions,
  readFleet,
  readStackFiles,
  regionOf,
  stackFileName,
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
  const rest = halfWritten(readStackFiles(project), name);
  if (rest.size > 0) {
    writeAllChecked(project, rest);
    world.output.say(`${[...rest.keys()].map(stackFileName).join(", ")}: written`);
  }
  const files = readFleet(project);
  const wasWritten = isPromoted(files, name);
  const from = wasWritten ? (files.fleet.fenced?.stack ?? "") : files.fleet.primary.stack;
  const steps = promotionSteps(world, name, from);
  const lag = wasWritten ? undefined : await expectedLoss(world, name);
  if (options.dryRun) {
    world.output.result(
      { region: name, from, expectedLoss: lag ?? null, steps: steps.map((step) => step.name) },
      [lag, "Would go through:", ...steps.map((step) => `  ${step.name}`)]
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
  const results = await runSteps(world, `fleet promote ${name}`, steps);
  world.output.result(
    { region: name, from, steps: results },
    `${stepsText(results)}\nRegion ${name} is the primary. Commit ${stackFileName(name)} and ${stackFileName(from)}. When ${from} is back, run fleet return ${from}.`,
  );
  return EXIT.done;
}

function promotionSteps(world: World, name: string, from: string): readonly Step[] {
  const { project } = world;
  return [
    {
      name: `files: ${name} is the primary, ${from} is fenced`,
      isDone: () => isPromoted(readFleet(project), name),
      run: () => {
        const files = readFleet(project);
        writeAllChecked(project, promotedFiles(files, regionOf(files, name)));
        return Promise.resolve();
      },
    },
    {
      name: `${name}: secrets of ${from}`,
      isDone: () => secretsToCopy(readStackFiles(project), from, name).length === 0,
      run: () => copySecrets(world, from, name),
    },
    {
      name: `${name}: promote the database, start Meet, take the name`,
      run: async () => {
        world.output.say(
          `${name}: ${showChanges(await world.stacks.up(name, sayProgress(world, name)))}`,
        );
      },
    },
    {
      name: "deploy the other regions, which read the new primary",
      run: async () => {
        const regions = chosenRegions(readFleet(project), []);
        const others = regions.filter(({ role }) => role === "media");
        const outcomes = await deployStacks(world, others, safeAtOnce());
        const faults = outcomes.flatMap((it) => (it.outcome === "failed" ? [it.error] : []));
        if (outcomes.some(({ outcome }) => outcome !== "done")) {
          throw new FleetError(faults.map(sentenceOf).join("\n") || "Interrupted.");
        }
      },
    },
  ];
}

/** Copies secrets from the state and the file of the region before; neither needs that region. */
async function copySecrets(world: World, from: string, to: string): Promise<void> {
  const keys = secretsToCopy(readStackFiles(world.project), from, to);
  const set = await world.stacks.secrets(from);
  const { sharedSecrets } = await world.stacks.outputs(from);
  for (const key of keys) {
    const value =
      key === HANDED_OVER_KEY && sharedSecrets !== undefined
        ? JSON.stringify(sharedSecrets)
        : set.get(key);
    if (value === undefined) {
      throw new FleetError(
        `Stack "${from}": its ${key} cannot be read. Use the fleet's secrets provider and passphrase; the state must be there.`,
      );
    }
    await world.stacks.setSecret(to, key, value);
  }
}

async function expectedLoss(world: World, name: string): Promise<string> {
  const files = readFleet(world.project);
  const asked = { project: files.project, region: regionOf(files, name), now: world.clock.now() };
  const lag = await known(() => askDatabaseLag(world.aws, asked));
  return lag.known
    ? `The replica was ${showDuration(lag.value)} behind at most in the last 15 minutes: what was written in that time may be lost.`
    : `How far the replica is behind is not known (${lag.why}): what it has not received is lost.`;
}
