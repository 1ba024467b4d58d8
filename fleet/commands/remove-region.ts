import type { Command } from "commander";
import * as z from "zod";
import type { Registry } from "../command.ts";
import { deployStacks } from "../deploy-stacks.ts";
import { parseDuration } from "../durations.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { hasFile } from "../file-edits.ts";
import { deletionSteps, leavingSteps, peopleThere } from "../removal.ts";
import { forgettingSteps } from "../removal-forget.ts";
import {
  checkedFleet,
  chosenRegions,
  readFleet,
  regionOf,
  stackFileName,
  type FleetFiles,
} from "../stack-files.ts";
import { runSteps, stepsText, type Step } from "../steps.ts";
import { safeAtOnce } from "../waves.ts";
import type { World } from "../world.ts";

const optionsSchema = z
  .object({
    lost: z.boolean().default(false),
    forget: z.boolean().default(false),
    wait: z.string().default("30m"),
    deleteRecordings: z.boolean().default(false),
    loseRecordings: z.boolean().default(false),
    dryRun: z.boolean().default(false),
  })
  .transform(({ wait, ...options }) => ({ ...options, waitSeconds: parseDuration(wait) }));

/** Options of `fleet region remove`. */
export type RemoveOptions = z.output<typeof optionsSchema>;

/** Registers `fleet region remove`. @param parent `fleet region` */
export function addRegionRemove(registry: Registry, parent: Command): void {
  registry.add({
    parent,
    usage: "remove <name>",
    description:
      "Evacuates a region, takes it out of the fleet, deletes all that it has, then its stack and its file.\n" +
      "Waits until S3 has copied its recordings, and stops before any is lost; a bucket with recordings is not deleted.",
    examples: [
      "fleet region remove ap",
      "fleet region remove ap --delete-recordings --confirm ap",
      "fleet region remove ap --lost --confirm ap",
      "fleet region remove eu --forget --confirm eu",
    ],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) =>
      command
        .option("--lost", "the region is lost: do not evacuate it, nor ask again what it has")
        .option("--forget", "AWS will not answer there again: delete only what is elsewhere")
        .option("--wait <time>", "for recordings that S3 is copying, and for AWS to answer", "30m")
        .option("--delete-recordings", "empty its bucket, of which the homes have copies")
        .option("--lose-recordings", "empty its bucket, whether there are copies or not"),
    run: (world, [name = ""], options) => removeRegion(world, name, optionsSchema.parse(options)),
  });
}

/** Removes a region. Called again, it goes on with what is not done. */
export async function removeRegion(
  world: World,
  name: string,
  options: RemoveOptions,
): Promise<ExitStatus> {
  if (!hasFile(world.project, name)) {
    if ((await world.stacks.names()).has(name)) {
      throw new FleetError(
        `Region "${name}": its stack is there, but ${stackFileName(name)} is missing. Bring the file back (git checkout), then call the command again.`,
        EXIT.wrongUse,
      );
    }
    world.output.result(
      { region: name, steps: [] },
      `Region ${name} has no file and no stack. If the others were still to be deployed, run fleet up.`,
    );
    return EXIT.done;
  }
  const fleet = readFleet(world.project);
  const region = regionOf(fleet, name);
  if (region.role === "primary") {
    throw new FleetError(
      `Region "${name}": it is the primary, which the others cannot do without. Use fleet destroy to remove the whole fleet.`,
      EXIT.wrongUse,
    );
  }
  const isFenced = region.role === "fenced";
  if (isFenced && !options.forget) {
    throw new FleetError(
      `Region "${name}": it is fenced, and its database has what no other may have. If it answers, run fleet return ${name}, compare, then remove it as the standby that it is (docs/runbooks/promote.md, step 5). If AWS will not answer there again, add --forget.`,
      EXIT.wrongUse,
    );
  }
  const rest = new Map(fleet.files);
  rest.delete(stackFileName(name));
  // A rule may send meetings there: told now, not when the file is gone.
  checkedFleet(rest);
  const reason = `removed by fleet region remove ${name}`;
  const isLost = options.lost || options.forget;
  const steps = [
    ...leavingSteps(world, fleet, region, isLost),
    ...(options.forget
      ? forgettingSteps(world, fleet, region)
      : deletionSteps(world, fleet, region, { ...options, reason })),
    ...followers(world, fleet, isFenced || region.role === "standby"),
  ];
  if (options.dryRun) {
    world.output.result(
      { region: name, steps: steps.map(({ name: step }) => step) },
      `Would go through:\n${steps.map((step) => `  ${step.name}`).join("\n")}`,
    );
    return EXIT.done;
  }
  const status = isLost ? undefined : await peopleThere(world, fleet, name);
  const meetings = status === undefined ? "" : ` ${status.rooms} rooms are moved to other regions.`;
  const fate = options.forget
    ? `what it has in ${region.awsRegion} is forgotten, not deleted: recordings and database there are out of reach, and all of it costs for as long as it exists`
    : "all that it has is deleted";
  await world.confirm.ask(`Region "${name}" (${region.awsRegion}): ${fate}.${meetings}`, name);
  const results = await runSteps(world, `fleet region remove ${name}`, steps);
  world.output.result(
    { region: name, steps: results },
    `${stepsText(results)}\nRegion ${name} is removed. Commit the removal of ${stackFileName(name)}.`,
  );
  return EXIT.done;
}

/** What has to be deployed after a region is gone: all for a standby or what was the primary, the primary where it lists all regions. */
function followers(world: World, fleet: FleetFiles, wasHome: boolean): readonly Step[] {
  if (!wasHome && fleet.fleet.dns.provider !== "cloudflare") {
    return [];
  }
  return [
    {
      name: "deploy the regions that knew of it",
      run: async () => {
        const now = readFleet(world.project);
        const names = wasHome ? [] : [now.fleet.primary.stack];
        const outcomes = await deployStacks(world, chosenRegions(now, names), safeAtOnce());
        const failed = outcomes.flatMap((it) => (it.outcome === "failed" ? [it.error] : []));
        if (outcomes.some(({ outcome }) => outcome !== "done")) {
          throw new FleetError(failed.map(sentenceOf).join("\n") || "Interrupted. Run fleet up.");
        }
      },
    },
  ];
}
