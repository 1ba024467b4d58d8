import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { isReached } from "../rooms/figure.ts";
import { positive, report } from "../rooms/report.ts";
import { measureDownloads } from "./downloads.ts";

/** Downloads in a round. */
const DOWNLOADS = 500;

const program = new Command("script/bench recordings")
  .description(
    "Compares an authorised download's first byte with the two calls that the route has to make for it.",
  )
  .option("--rounds <n>", "rounds of 500 downloads", positive, 3)
  .option("--json <file>", "writes the figure there as well")
  .option("--check", "end with 1 when the target is missed");

program.parse();
const options = program.opts<{ rounds: number; json?: string; check?: true }>();
try {
  const figures = await measureDownloads(options.rounds * DOWNLOADS, (text) => {
    process.stderr.write(`bench: ${text}\n`);
  });
  process.stdout.write(report(figures));
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  }
  if (options.check === true && !figures.every(isReached)) {
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
