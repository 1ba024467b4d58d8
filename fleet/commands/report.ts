import { writeFileSync } from "node:fs";
import * as z from "zod";
import type { Registry } from "../command.ts";
import { EXIT, FleetError, sentenceOf, type ExitStatus } from "../exit.ts";
import { fleetStatus } from "../region-status.ts";
import { reportHtml, reportMarkdown } from "../report-page.ts";
import { readFleet } from "../stack-files.ts";
import { troublesOf } from "../troubles.ts";
import type { World } from "../world.ts";

const optionsSchema = z.object({
  format: z.enum(["html", "markdown", "json"]).default("markdown"),
  output: z.string().optional(),
});

/** Registers `fleet report`. */
export function addReport(registry: Registry): void {
  registry.add({
    usage: "report",
    description: "Writes the status of all regions as a page, to keep or to send.",
    examples: ["fleet report --format html --output fleet.html", "fleet report >> log.md"],
    options: (command) =>
      command
        .option(
          "--format <format>",
          "html (one file, nothing loaded), markdown or json",
          "markdown",
        )
        .option("--output <file>", "write it there instead of to standard output"),
    run: (world, _, options) => report(world, optionsSchema.parse(options)),
  });
}

/** Asks all regions and writes the page. */
export async function report(
  world: World,
  { format, output }: z.output<typeof optionsSchema>,
): Promise<ExitStatus> {
  const status = await fleetStatus(world, readFleet(world.project));
  const troubles = troublesOf(status);
  const json = { ...status, troubles };
  const text =
    format === "json"
      ? JSON.stringify(json, null, 2)
      : format === "html"
        ? reportHtml(status, troubles)
        : reportMarkdown(status, troubles);
  if (output === undefined) {
    world.output.result(json, text);
  } else {
    try {
      writeFileSync(output, `${text}\n`);
    } catch (error) {
      throw new FleetError(
        `File "${output}": it cannot be written (${sentenceOf(error)}). Give another with --output.`,
        EXIT.wrongUse,
      );
    }
    world.output.result(json, `Written to ${output}.`);
  }
  return troubles.length === 0 ? EXIT.done : EXIT.notWell;
}
