import * as z from "zod";
import type { Registry } from "../command.ts";
import { EXIT, FleetError, type ExitStatus } from "../exit.ts";
import { oldDatabase, returnSteps } from "../returning.ts";
import { readFleet, regionOf, stackFileName } from "../stack-files.ts";
import { runSteps, stepsText } from "../steps.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({ dryRun: z.boolean().default(false) });

/** Registers `fleet return`. */
export function addReturn(registry: Registry): void {
  registry.add({
    usage: "return <region>",
    description:
      "Makes the region that was the primary before a promotion the standby, once it answers again.\n" +
      "Its database gets a snapshot and is kept beside a new replica, for you to compare and then delete.",
    examples: ["fleet return eu --dry-run", "fleet return eu --confirm eu"],
    changes: true,
    asks: true,
    deploys: true,
    options: (command) => command,
    run: (world, [name = ""], options) => returnRegion(world, name, optionsSchema.parse(options)),
  });
}

/** Brings a fenced region back as the standby. Called again, it goes on with what is not done. */
export async function returnRegion(
  world: World,
  name: string,
  options: z.output<typeof optionsSchema>,
): Promise<ExitStatus> {
  const files = readFleet(world.project);
  const region = regionOf(files, name);
  // A return that was killed late finds its region to be the standby already.
  const isUnderWay = region.role === "standby" && files.fleet.promotion?.from === name;
  if (region.role !== "fenced" && !isUnderWay) {
    throw new FleetError(
      `Region "${name}": it is ${region.role}, and only a region that another was promoted instead of returns. For a region that is back by itself see docs/runbooks/region-returns.md.`,
      EXIT.wrongUse,
    );
  }
  const steps = returnSteps(world, files, region);
  if (options.dryRun) {
    world.output.result(
      { region: name, steps: steps.map((step) => step.name) },
      `Would go through:\n${steps.map((step) => `  ${step.name}`).join("\n")}`,
    );
    return EXIT.done;
  }
  const old = oldDatabase(files, region);
  if (!isUnderWay) {
    await world.confirm.ask(
      `Region "${name}": Meet is deleted there and a new replica is made. Database ${old.identifier} is kept, and nothing uses it any more.`,
      name,
    );
  }
  const results = await runSteps(world, `fleet return ${name}`, steps);
  world.output.result(
    { region: name, steps: results },
    [
      stepsText(results),
      `Region ${name} is the standby. Commit ${stackFileName(name)}.`,
      ...(isUnderWay
        ? []
        : [
            `Compare ${old.identifier} with the database in use; docs/runbooks/promote.md says how, and how it is deleted then.`,
          ]),
    ].join("\n"),
  );
  return EXIT.done;
}
