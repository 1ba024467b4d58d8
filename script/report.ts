import Table from "cli-table3";
import { z } from "zod";

/** What a layer came to. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** One line for each failure. */
  readonly failures: readonly string[];
}

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
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

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
    const bad = file.assertionResults.filter((test) => test.status !== "passed");
    passed += file.assertionResults.length - bad.length;
    failures.push(
      ...bad.map((test) =>
        test.status === "failed"
          ? `${layer}: ${test.fullName}`
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
  return [table.toString(), ...failures, `${passed} passed, ${failed} failed`].join("\n");
}

function inWords(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function firstLine(text: string | undefined): string {
  return text === undefined || text === "" ? "could not be loaded" : (text.split("\n")[0] ?? "");
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
