import * as z from "zod";
import { wholeNumber, type Registry } from "../command.ts";
import { sayProgress, showChanges } from "../deploy-stacks.ts";
import { EXIT, sentenceOf, type ExitStatus } from "../exit.ts";
import { withoutFenced } from "../fenced.ts";
import { chosenRegions, readFleet } from "../stack-files.ts";
import type { Previewed } from "../stacks.ts";
import { runWaves, safeAtOnce, wavesOf } from "../waves.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({
  parallel: z.number().optional(),
  exitCode: z.boolean().default(false),
});

/** Registers `fleet preview`. */
export function addPreview(registry: Registry): void {
  registry.add({
    usage: "preview [region...]",
    description:
      "Shows what fleet up would change, resource by resource; of all regions, or of those named.",
    examples: ["fleet preview", "fleet preview ap --json", "fleet preview --exit-code"],
    deploys: true,
    options: (command) =>
      command
        .option(
          "--parallel <number>",
          "stacks at once; as many as memory allows unless given",
          wholeNumber,
        )
        .option("--exit-code", "end with 4 if there are changes"),
    run: (world, regions, options) => preview(world, regions, optionsSchema.parse(options)),
  });
}

/** What would change in the stacks of these regions, all for none. */
export async function preview(
  world: World,
  names: readonly string[],
  options: { readonly parallel?: number | undefined; readonly exitCode: boolean },
): Promise<ExitStatus> {
  const fleet = readFleet(world.project);
  const there = await world.stacks.names();
  // One wave: a preview changes nothing, so there is no order to keep.
  const regions = withoutFenced(world, fleet, chosenRegions(fleet, names), names);
  const chosen = wavesOf(regions).flat();
  const outcomes = await runWaves<Previewed | undefined>(
    [chosen],
    { atOnce: options.parallel ?? safeAtOnce(), interrupted: world.interrupted },
    async (stack) => {
      if (!there.has(stack)) {
        return undefined;
      }
      world.output.say(`${stack}: preview`);
      return world.stacks.preview(stack, sayProgress(world, stack));
    },
  );
  const json = outcomes.map((it) => {
    const base = { stack: it.stack };
    if (it.outcome === "done") {
      return it.value === undefined
        ? { ...base, outcome: "not created" }
        : { ...base, outcome: "previewed", ...it.value };
    }
    return it.outcome === "failed"
      ? { ...base, outcome: it.outcome, error: sentenceOf(it.error) }
      : { ...base, outcome: it.outcome };
  });
  const text = outcomes.flatMap((it) => {
    if (it.outcome === "failed") {
      return [`${it.stack}: ${sentenceOf(it.error)}`];
    }
    if (it.outcome === "not started") {
      return [`${it.stack}: not previewed, because the command was interrupted`];
    }
    return it.value === undefined
      ? [
          `${it.stack}: not created yet. npm run plan -- --stack ${it.stack} shows what fleet up makes.`,
        ]
      : [
          `${it.stack}: ${showChanges(it.value.changes)}`,
          ...it.value.steps.map((step) => `  ${step}`),
        ];
  });
  world.output.result(json, text.join("\n"));
  if (outcomes.some(({ outcome }) => outcome !== "done")) {
    return world.interrupted.aborted ? EXIT.notFinished : EXIT.failed;
  }
  const isChange = outcomes.some(
    (it) =>
      it.outcome === "done" && (it.value === undefined || Object.keys(it.value.changes).length > 0),
  );
  return options.exitCode && isChange ? EXIT.notWell : EXIT.done;
}
