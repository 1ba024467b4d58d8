import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  chooseLayers,
  RECORDINGS_LAYERS,
  ROOMS_LAYERS,
  SETUP_BUDGET_MINUTES,
  type Layer,
} from "./layers.ts";
import {
  countAgain,
  countCommand,
  countTests,
  filesToRunAgain,
  reportOf,
  summary,
  type Finished,
  type Outcome,
} from "./report.ts";

/** Runs the layers one after the other, all of them whatever fails; called by script/test after script/setup. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      began: { type: "string" },
      rooms: { type: "boolean" },
      recordings: { type: "boolean" },
    },
    allowPositionals: true,
  });
  const whole = values.recordings === true ? RECORDINGS_LAYERS : chooseLayers(positionals);
  const layers = values.rooms === true ? ROOMS_LAYERS : whole;
  const began = values.began === undefined ? Date.now() : Number(values.began) * 1000;
  const finished: Finished[] = [
    {
      name: "setup",
      budgetMinutes: SETUP_BUDGET_MINUTES,
      seconds: (Date.now() - began) / 1000,
      passed: 1,
      failed: 0,
      failures: [],
    },
  ];
  for (const layer of layers) {
    console.log(`\n== ${layer.name} (budget ${layer.budgetMinutes} min)`);
    const start = Date.now();
    const outcome = await run(layer);
    const seconds = (Date.now() - start) / 1000;
    finished.push({ ...outcome, name: layer.name, budgetMinutes: layer.budgetMinutes, seconds });
  }
  console.log(`\n${summary(finished, (Date.now() - began) / 1000)}`);
  process.exitCode = finished.some((layer) => layer.failed > 0) ? 1 : 0;
}

async function run(layer: Layer): Promise<Outcome> {
  if (layer.isVitest === undefined) {
    return countCommand(layer.name, await node(layer.command));
  }
  const folder = mkdtempSync(join(tmpdir(), "meet-test-"));
  try {
    const vitest = async (
      name: string,
      files: readonly string[],
    ): Promise<{ readonly status: number | null; readonly report: string | undefined }> => {
      const file = join(folder, name);
      const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
      const only = layer.only === undefined ? [] : ["--testNamePattern", layer.only];
      const status = await node([...layer.command, ...only, ...reporters, ...files]);
      return { status, report: reportOf(contents(file), layer.only) };
    };
    const first = await vitest("first.json", []);
    const again = filesToRunAgain(first.report);
    if (again.length === 0) {
      return countTests(layer.name, first.report, first.status);
    }
    console.log(`\n== ${layer.name}: once more ${again.join(", ")}`);
    const second = await vitest("second.json", again);
    return countAgain(layer.name, first.report, second.report, second.status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs node with its output shown, and gives its exit status. */
async function node(args: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, args, {
    stdio: "inherit",
    // Both keep the tests from writing what they should compare with.
    env: { ...process.env, CI: "true", UPDATE_GOLDEN: "" },
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
}

function contents(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
