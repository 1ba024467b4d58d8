import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import { z } from "zod";

/** What a layer came to. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** One line for each failure. */
  readonly failures: readonly string[];
  /** One line for each test that failed at first and passed when its file was run once more. */
  readonly unsteady?: readonly string[];
}

/** Files with failures that are run once more; above that something is wrong with more than a busy machine. */
const FILES_AGAIN = 3;

/** Characters of a failure's message that are shown in the summary. */
const MESSAGE_LENGTH = 300;

/** A finished layer, for the table. */
export interface Finished extends Outcome {
  readonly name: string;
  readonly budgetMinutes: number;
  readonly seconds: number;
}

/** The part of vitest's JSON report that is read. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).optional(),
        }),
      ),
    }),
  ),
});

type Report = z.output<typeof reportSchema>;

/**
 * A vitest report without the tests that were not asked for: vitest calls them skipped, as it does those that skip
 * themselves.
 */
export function reportOf(report: string | undefined, only: string | undefined): string | undefined {
  const parsed = reportSchema.safeParse(parseJson(report));
  if (only === undefined || !parsed.success) {
    return report;
  }
  const testResults = parsed.data.testResults.map((file) => ({
    ...file,
    assertionResults: file.assertionResults.filter(
      ({ fullName, status }) => status !== "skipped" || fullName.includes(only),
    ),
  }));
  return JSON.stringify({ testResults });
}

/**
 * Files of a vitest report that are worth a second run, by themselves: a test with real processes and clocks may fail on
 * a machine that is busy for a moment. None where too many failed.
 */
export function filesToRunAgain(report: string | undefined): readonly string[] {
  const parsed = reportSchema.safeParse(parseJson(report));
  const files = (parsed.data?.testResults ?? []).filter(isBad).map(({ name }) => name);
  return files.length > FILES_AGAIN ? [] : files;
}

/**
 * Counts a vitest run whose bad files were run once more. Whatever failed then has failed; what passed then has passed
 * and is named as unsteady.
 */
export function countAgain(
  layer: string,
  first: string | undefined,
  second: string | undefined,
  secondStatus: number | null,
): Outcome {
  const before = reportSchema.safeParse(parseJson(first));
  const after = reportSchema.safeParse(parseJson(second));
  if (!before.success || !after.success) {
    return countTests(layer, undefined, secondStatus);
  }
  const bad = before.data.testResults.filter(isBad);
  const again: Report = {
    testResults: [
      ...before.data.testResults.filter((file) => !isBad(file)),
      ...after.data.testResults,
    ],
  };
  const missing = bad.filter(({ name }) => !after.data.testResults.some((it) => it.name === name));
  if (missing.length > 0) {
    return countTests(layer, first, 1);
  }
  const outcome = countTests(layer, JSON.stringify(again), secondStatus);
  const now = new Map(after.data.testResults.map((file) => [file.name, file]));
  const unsteady = bad.flatMap((file) => {
    const passed = (now.get(file.name)?.assertionResults ?? []).filter(isPassed);
    const names = new Set(passed.map(({ fullName }) => fullName));
    return file.assertionResults
      .filter((test) => !isPassed(test) && names.has(test.fullName))
      .map(({ fullName, failureMessages }) => `${layer}: ${fullName}${messageOf(failureMessages)}`);
  });
  return { ...outcome, unsteady };
}

function isBad({ status, assertionResults }: Report["testResults"][number]): boolean {
  return status !== "passed" || !assertionResults.every(isPassed);
}

function isPassed({ status }: { readonly status: string }): boolean {
  return status === "passed";
}

/**
 * Counts a vitest report. Whatever is not passed has failed: a test that was skipped, a file that could not be loaded,
 * and a runner that ended badly although no test failed (an error outside the tests).
 */
export function countTests(
  layer: string,
  report: string | undefined,
  status: number | null,
): Outcome {
  const parsed = reportSchema.safeParse(parseJson(report));
  if (!parsed.success) {
    return { passed: 0, failed: 1, failures: [`${layer}: vitest wrote no report; see its output`] };
  }
  let passed = 0;
  const failures: string[] = [];
  for (const file of parsed.data.testResults) {
    const bad = file.assertionResults.filter((test) => !isPassed(test));
    passed += file.assertionResults.length - bad.length;
    failures.push(
      ...bad.map((test) =>
        test.status === "failed"
          ? `${layer}: ${test.fullName}${messageOf(test.failureMessages)}`
          : `${layer}: ${test.fullName} (was not run: ${test.status})`,
      ),
    );
    if (bad.length === 0 && file.status !== "passed") {
      failures.push(`${layer}: ${file.name}: ${firstLine(file.message)}`);
    }
  }
  if (failures.length === 0 && (status !== 0 || passed === 0)) {
    failures.push(
      passed === 0 ? `${layer}: ran no test` : `${layer}: vitest failed outside of the tests`,
    );
  }
  return { passed, failed: failures.length, failures };
}

/** A command that is one check: passed if it ended with 0. */
export function countCommand(layer: string, status: number | null): Outcome {
  return status === 0
    ? { passed: 1, failed: 0, failures: [] }
    : { passed: 0, failed: 1, failures: [`${layer}: ended with ${status ?? "a signal"}`] };
}

/** The table of layers with their budgets, the failures, and as last line `N passed, N failed`. */
export function summary(layers: readonly Finished[], totalSeconds: number): string {
  const table = new Table({
    head: ["layer", "budget", "took", "passed", "failed"],
    style: { head: [], border: [] },
    colAligns: ["left", "right", "right", "right", "right"],
  });
  for (const layer of layers) {
    const over = layer.seconds > layer.budgetMinutes * 60 ? " (over)" : "";
    table.push([
      layer.name,
      `${layer.budgetMinutes} min`,
      `${inWords(layer.seconds)}${over}`,
      layer.passed,
      layer.failed,
    ]);
  }
  const passed = layers.reduce((sum, layer) => sum + layer.passed, 0);
  const failed = layers.reduce((sum, layer) => sum + layer.failed, 0);
  const budget = layers.reduce((sum, layer) => sum + layer.budgetMinutes, 0);
  table.push(["whole", `${budget} min`, inWords(totalSeconds), passed, failed]);
  const failures = layers.flatMap((layer) => layer.failures).map((line) => `FAILED ${line}`);
  const unsteady = layers
    .flatMap((layer) => layer.unsteady ?? [])
    .map((line) => `UNSTEADY, passed when it was run once more: ${line}`);
  return [table.toString(), ...unsteady, ...failures, `${passed} passed, ${failed} failed`].join(
    "\n",
  );
}

function inWords(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function firstLine(text: string | undefined): string {
  return text === undefined || text === "" ? "could not be loaded" : (text.split("\n")[0] ?? "");
}

/** The first line of what a test said, behind a colon; nothing where it said nothing. */
function messageOf(messages: readonly string[] | undefined): string {
  const [message = ""] = messages ?? [];
  const line = stripVTControlCharacters(message).split("\n")[0] ?? "";
  return line === "" ? "" : `: ${line.slice(0, MESSAGE_LENGTH)}`;
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
