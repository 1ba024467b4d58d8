import { Command } from "commander";
import { writeFileSync } from "node:fs";
import { isReached, type Figure } from "./figure.ts";
import { measureFarJoins, measureJoins } from "./joins.ts";
import { measureBrowserRecovery } from "./recovery-browser.ts";
import { measureRecovery } from "./recovery.ts";
import { positive, report } from "./report.ts";
import { measureStorm } from "./storm.ts";
import { measureMemory, measureMessages } from "./tunnels.ts";

/** What can be measured, in the order in which it is. */
const MEASUREMENTS: Readonly<
  Record<string, (rounds: number, note: (text: string) => void) => Promise<readonly Figure[]>>
> = {
  joins: (rounds, note) => measureJoins(rounds * 40, note),
  distance: (rounds, note) => measureFarJoins(rounds * 20, note),
  messages: (rounds, note) => measureMessages({ rounds, messages: 100_000 }, note),
  memory: (_, note) => measureMemory(5000, note),
  storm: (rounds, note) => measureStorm(rounds, note),
  recovery: (rounds, note) => measureRecovery(rounds, note),
  browser: (rounds, note) => measureBrowserRecovery(rounds, note),
};

const program = new Command("script/bench rooms")
  .description(
    "Compares the room gateway with what it stands before: joins and recoveries with a plain LiveKit, messages\n" +
      `with HAProxy; and measures a tunnel's memory. Choose from: ${Object.keys(MEASUREMENTS).join(", ")}. All by default.`,
  )
  .argument("[names...]", "what to measure")
  .option("--rounds <n>", "how often everything is measured", positive, 3)
  .option("--json <file>", "writes the figures there as well")
  .option("--check", "end with 1 when a target is missed");

program.parse();
const names = program.args.length === 0 ? Object.keys(MEASUREMENTS) : program.args;
const options = program.opts<{ rounds: number; json?: string; check?: true }>();
try {
  const unknown = names.filter((name) => !(name in MEASUREMENTS));
  if (unknown.length > 0) {
    throw new Error(
      `Measurement "${unknown.join(", ")}": there is none. Choose from ${Object.keys(MEASUREMENTS).join(", ")}.`,
    );
  }
  const figures: Figure[] = [];
  for (const name of names) {
    const found = await MEASUREMENTS[name]?.(options.rounds, (text) => {
      process.stderr.write(`bench: ${text}\n`);
    });
    figures.push(...(found ?? []));
  }
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
