import * as z from "zod";
import type { StackConfig } from "../../infra/config.ts";
import { wholeNumber, type Registry } from "../command.ts";
import {
  createMissing,
  deployStacks,
  outcomesExit,
  outcomesJson,
  outcomesText,
  sayProgress,
} from "../deploy-stacks.ts";
import { parseDuration } from "../durations.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { withoutFenced } from "../fenced.ts";
import { rollingSteps, type Rolling } from "../rolling.ts";
import { chosenRegions, readFleet, type FleetFiles } from "../stack-files.ts";
import { runSteps, stepsText } from "../steps.ts";
import { runWaves, safeAtOnce, wavesOf } from "../waves.ts";
import type { World } from "../world.ts";

/** Options of `fleet up`. */
export interface UpOptions {
  readonly parallel?: number | undefined;
  readonly skipPreview: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Each region is emptied in this way before it is deployed. @default regions are deployed as they are */
  readonly rolling?: Rolling | undefined;
}

const optionsSchema = z
  .object({
    parallel: z.number().optional(),
    skipPreview: z.boolean().default(false),
    dryRun: z.boolean().default(false),
    yes: z.boolean().default(false),
    rolling: z.boolean().default(false),
    evacuate: z.boolean().default(false),
    deadline: z.string().default("2h"),
  })
  .transform(({ rolling, evacuate, deadline, ...options }): UpOptions => {
    const kind = evacuate ? "evacuation" : "drain";
    return rolling || evacuate
      ? { ...options, rolling: { kind, seconds: parseDuration(deadline) } }
      : options;
  });

/** Registers `fleet up`. */
export function addUp(registry: Registry): void {
  registry.add({
    usage: "up [region...]",
    description:
      "Deploys all regions, or those named: the primary, then the standby, then media regions side by side.\n" +
      "Looks first, and asks if anything would be deleted or replaced. Stacks that do not exist are created.\n" +
      "After a fault or an interrupt the same command goes on with what is not done.",
    examples: [
      "fleet up",
      "fleet up ap --rolling --deadline 30m",
      "fleet up --yes --json > up.json",
      "fleet up --dry-run",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      command
        .option(
          "--parallel <number>",
          "stacks at once; as many as memory allows unless given",
          wholeNumber,
        )
        .option("--skip-preview", "do not look first, and so do not ask")
        .option("--rolling", "one region after another, drained before and taking rooms after")
        .option("--evacuate", "the same, but meetings are moved away at once")
        .option("--deadline <time>", "with --rolling: for a region's meetings to end", "2h"),
    run: (world, regions, options) => up(world, regions, optionsSchema.parse(options)),
  });
}

/** Deploys the regions named, all for none. */
export async function up(
  world: World,
  names: readonly string[],
  options: UpOptions,
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  const regions = withoutFenced(world, fleet, chosenRegions(fleet, names), names);
  const atOnce = options.parallel ?? safeAtOnce();
  const waves = wavesOf(regions);
  world.output.say(`waves: ${waves.map((wave) => wave.join(" + ")).join(", then ")}`);
  if (options.dryRun) {
    const there = await world.stacks.names();
    const create = waves.flat().filter((stack) => !there.has(stack));
    world.output.result(
      { waves, atOnce, create },
      [
        ...create.map((stack) => `Would create the stack ${stack}.`),
        ...waves.map((wave, index) => `Wave ${index + 1}: would deploy ${wave.join(", ")}.`),
        "fleet preview shows what would change in them.",
      ].join("\n"),
    );
    return EXIT.done;
  }
  if (!options.skipPreview && !options.yes) {
    await askForLosses(world, regions, atOnce);
  }
  if (options.rolling !== undefined) {
    return upRolling(world, fleet, regions, options.rolling);
  }
  await createMissing(world, fleet, regions);
  const outcomes = await deployStacks(world, regions, atOnce);
  const wasInterrupted = world.interrupted.aborted;
  const command = ["fleet up", ...names].join(" ");
  world.output.result(
    { stacks: outcomesJson(outcomes) },
    outcomesText(outcomes, command, wasInterrupted),
  );
  return outcomesExit(outcomes, wasInterrupted);
}

/** One region after another, each while nobody is in it. A region without changes is left alone. */
async function upRolling(
  world: World,
  fleet: FleetFiles,
  regions: readonly StackConfig[],
  rolling: Rolling,
): Promise<ExitStatus> {
  const unchanged = new Map<string, Promise<boolean>>();
  const isDone = (stack: string): Promise<boolean> => {
    const found =
      unchanged.get(stack) ??
      world.stacks
        .preview(stack, sayProgress(world, stack))
        .then(({ changes }) => Object.keys(changes).length === 0);
    unchanged.set(stack, found);
    return found;
  };
  const names = regions.map(({ stack }) => stack).join(" ");
  const steps = rollingSteps(world, fleet, regions, rolling, isDone);
  const results = await runSteps(world, `fleet up ${names} with the same options`, steps);
  world.output.result({ steps: results }, stepsText(results));
  return EXIT.done;
}

/** Steps after which something that was there is gone, or is another thing of the same name. */
const LOSSES = /^(delete|delete-replaced|replace|create-replacement) /;

/** What a preview says would be deleted or replaced has to be confirmed. */
async function askForLosses(
  world: World,
  regions: readonly StackConfig[],
  atOnce: number,
): Promise<void> {
  const there = await world.stacks.names();
  const existing = regions.map(({ stack }) => stack).filter((stack) => there.has(stack));
  const outcomes = await runWaves(
    [existing],
    { atOnce, interrupted: world.interrupted },
    async (stack) => {
      if ((await world.stacks.updates(stack, 1)).length === 0) {
        // Never deployed: there is nothing to lose.
        return { changes: {}, steps: [] };
      }
      world.output.say(`${stack}: preview`);
      return world.stacks.preview(stack, sayProgress(world, stack));
    },
  );
  const losses: string[] = [];
  for (const it of outcomes) {
    if (it.outcome === "failed") {
      throw it.error;
    }
    if (it.outcome === "done") {
      const lost = it.value.steps.filter((step) => LOSSES.test(step));
      losses.push(...lost.map((step) => `  ${it.stack}: ${step}`));
    }
  }
  if (losses.length > 0) {
    await world.confirm.ask(`This deletes or replaces:\n${losses.join("\n")}`);
  }
}
