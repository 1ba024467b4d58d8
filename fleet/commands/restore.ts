import * as z from "zod";
import { inUtc } from "../backups.ts";
import type { Registry } from "../command.ts";
import { showDuration } from "../durations.ts";
import { EXIT, type ExitStatus } from "../exit.ts";
import { writeAllChecked } from "../file-edits.ts";
import { halfWritten } from "../promotion.ts";
import { plannedRestoration, restoreSteps, type Restoration } from "../restoring.ts";
import { readFleet, readStackFiles, stackFileName } from "../stack-files.ts";
import { runSteps, stepsText } from "../steps.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({ to: z.string(), dryRun: z.boolean().default(false) });

/** Registers `fleet restore`. */
export function addRestore(registry: Registry): void {
  registry.add({
    usage: "restore <region>",
    description:
      "Makes Meet's database anew from backups, as it was at a time. In the primary: from its own backups. In the\n" +
      "standby: from their copies there, and the standby becomes the primary; nothing asks the region before.\n" +
      "What was written after that time is lost to Meet; the databases before are kept, and nothing uses them.\n" +
      "Called again with the same time, or with latest while it is not finished, it goes on.",
    examples: [
      "fleet restore eu --to latest --dry-run",
      "fleet restore eu --to 2026-11-23T03:00:00Z --confirm eu",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      command.requiredOption("--to <time>", "the time, such as 2026-11-23T03:00:00Z, or latest"),
    run: (world, [name = ""], options) => restore(world, name, optionsSchema.parse(options)),
  });
}

/** Restores a region's database. Called again with the same time, or with latest, it goes on with what is not done. */
export async function restore(
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
  const plan = await plannedRestoration(world, files, name, options.to);
  const { to } = plan.restore;
  const loss = lossOf(plan, world.clock.now());
  const steps = restoreSteps(world, files, plan);
  const shown = {
    region: name,
    to,
    database: plan.identifier,
    backups:
      plan.backups === undefined
        ? null
        : { earliest: inUtc(plan.backups.earliest), latest: inUtc(plan.backups.latest) },
  };
  if (options.dryRun) {
    world.output.result(
      { ...shown, loss, steps: steps.map((step) => step.name) },
      [loss, "Would go through:", ...steps.map((step) => `  ${step.name}`)].join("\n"),
    );
    return EXIT.done;
  }
  if (plan.backups !== undefined) {
    const takeover =
      plan.insteadOf === undefined
        ? ""
        : ` It becomes the primary instead of ${plan.insteadOf}, which must not serve any more.`;
    await world.confirm.ask(`Region "${name}": ${loss}${takeover}`, name);
  }
  if (rest.size > 0) {
    writeAllChecked(project, rest);
    world.output.say(`${[...rest.keys()].map(stackFileName).join(", ")}: written`);
  }
  const results = await runSteps(world, `fleet restore ${name} --to ${to}`, steps);
  world.output.result(
    { ...shown, steps: results },
    [
      stepsText(results),
      `Meet in ${name} uses ${plan.identifier}, as of ${to}. Commit the stack files.`,
      plan.insteadOf === undefined
        ? `${plan.source} is kept, and so is the replica of it: docs/runbooks/restore-the-database.md says how they are deleted.`
        : `When ${plan.insteadOf} is back, run fleet return ${plan.insteadOf}. See ${stackFileName(plan.insteadOf)}.`,
    ].join("\n"),
  );
  return EXIT.done;
}

/** What will be missing, as a sentence. */
function lossOf(
  { restore: { to }, identifier, source, backups }: Restoration,
  now: number,
): string {
  const at = Date.parse(to);
  const since = showDuration((now - at) / 1000);
  const all = `Database ${identifier} is made as ${source} was at ${to}: what was written in the ${since} since, and until the end of this, is lost to Meet.`;
  if (backups === undefined) {
    return all;
  }
  const given = (backups.latest - at) / 1000;
  return given < 1
    ? `${all} That is the latest time there is.`
    : `${all} The backups reach to ${inUtc(backups.latest)}, ${showDuration(given)} later.`;
}
