import { Command, InvalidArgumentError } from "commander";
import { table } from "../plan/text.ts";
import { measureRound } from "./measure.ts";
import { summarise } from "./result.ts";
import type { Result, Round } from "./result.ts";

interface Options {
  readonly rounds: number;
  readonly json?: true;
  readonly check?: true;
}

const program = new Command("script/bench")
  .description(
    "Compares preview and up of eu with an empty program on the same engine and stand-in cloud,\n" +
      "the plan of 2 regions with that of 20, and measures the program's memory. No account is needed.",
  )
  .option("--rounds <n>", "how often everything is measured; medians are reported", positive, 3)
  .option("--json", "as JSON")
  .option("--check", "end with 1 when a target is missed");

function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) {
    throw new InvalidArgumentError("Give a whole number from 1 up.");
  }
  return number;
}

function report(result: Result): string {
  const rows = result.measurements.map(({ what, value, unit, target, reached }) => [
    what,
    `${value} ${unit}`,
    target === undefined ? "—" : `≤ ${target} ${unit}`,
    target === undefined ? "" : reached ? "reached" : "missed",
  ]);
  const seconds = Object.entries(result.medianSeconds).map(([name, value]) => [
    name,
    `${value.toFixed(1)} s`,
  ]);
  return [
    `Medians of ${result.rounds} round(s) on this machine. Ratios hold elsewhere, seconds do not.`,
    "",
    table(rows, { head: ["what", "measured", "target", ""], right: [1, 2] }),
    "",
    table(seconds, { head: ["time", "median"], right: [1] }),
    "",
  ].join("\n");
}

program.parse();
const options = program.opts<Options>();
try {
  const rounds: Round[] = [];
  while (rounds.length < options.rounds) {
    const number = rounds.length + 1;
    rounds.push(
      await measureRound((text) => {
        process.stderr.write(`bench: round ${number} of ${options.rounds}, ${text}\n`);
      }),
    );
  }
  const result = summarise(rounds);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(result, undefined, 2)}\n` : report(result),
  );
  if (options.check === true && result.measurements.some(({ reached }) => !reached)) {
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
