import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseLayers, LAYERS, ROOMS_LAYERS, SETUP_BUDGET_MINUTES } from "../../script/layers.ts";
import {
  countAgain,
  countCommand,
  countTests,
  filesToRunAgain,
  reportOf,
  summary,
} from "../../script/report.ts";

interface File {
  readonly name?: string;
  readonly status?: string;
  readonly message?: string;
  readonly tests: readonly string[];
}

function report(...files: readonly File[]): string {
  return JSON.stringify({
    testResults: files.map(({ name = "a.test.ts", status = "passed", message = "", tests }) => ({
      name,
      status,
      message,
      assertionResults: tests.map((state, index) => ({ fullName: `test ${index}`, status: state })),
    })),
  });
}

describe("counting a vitest report", () => {
  it("counts tests of all files", () => {
    const text = report({ tests: ["passed", "passed"] }, { tests: ["passed"] });
    expect(countTests("unit", text, 0)).toEqual({ passed: 3, failed: 0, failures: [] });
  });

  it("names a test that failed", () => {
    const outcome = countTests(
      "unit",
      report({ status: "failed", tests: ["passed", "failed"] }),
      1,
    );
    expect(outcome).toEqual({ passed: 1, failed: 1, failures: ["unit: test 1"] });
  });

  it.each(["skipped", "pending", "todo"])("counts a test that is %s as failed", (status) => {
    const outcome = countTests("unit", report({ tests: ["passed", status] }), 0);
    expect(outcome.failed).toBe(1);
    expect(outcome.failures).toEqual([`unit: test 1 (was not run: ${status})`]);
  });

  it("leaves out the tests that were not asked for, and no other that was not run", () => {
    const states = ["skipped", "passed", "todo", "failed"];
    const text = report({ status: "failed", tests: states });
    expect(countTests("real", reportOf(text, "test 1"), 1).failures).toEqual([
      "real: test 2 (was not run: todo)",
      "real: test 3",
    ]);
    expect(countTests("real", reportOf(text, "test 0"), 1).failed).toBe(3);
    expect(countTests("real", reportOf(text, undefined), 1).failed).toBe(3);
    expect(countTests("real", reportOf(report({ tests: ["skipped"] }), "none"), 0)).toMatchObject({
      failed: 1,
      failures: ["real: ran no test"],
    });
  });

  it("counts a file that cannot be loaded as one failure, with its reason", () => {
    const broken = {
      name: "b.test.ts",
      status: "failed",
      message: "no such module\nat…",
      tests: [],
    };
    const outcome = countTests("unit", report({ tests: ["passed"] }, broken), 1);
    expect(outcome.failures).toEqual(["unit: b.test.ts: no such module"]);
  });

  it("fails when vitest fails although every test passed", () => {
    const outcome = countTests("unit", report({ tests: ["passed"] }), 1);
    expect(outcome.failures).toEqual(["unit: vitest failed outside of the tests"]);
  });

  it("fails when there is no test", () => {
    expect(countTests("unit", report(), 0).failures).toEqual(["unit: ran no test"]);
  });

  it.each([undefined, "", "{}", "no json"])("fails when the report is %j", (text) => {
    expect(countTests("unit", text, 0).failed).toBe(1);
  });
});

describe("a file with failures", () => {
  const well = { name: "well.test.ts", tests: ["passed"] };
  const bad = { name: "bad.test.ts", status: "failed", tests: ["passed", "failed"] };
  const mended = { ...bad, status: "passed", tests: ["passed", "passed"] };

  it("is run once more, unless there are more than three of them", () => {
    expect(filesToRunAgain(report(well))).toEqual([]);
    expect(filesToRunAgain(report(well, bad))).toEqual(["bad.test.ts"]);
    expect(filesToRunAgain(report(bad, bad, bad))).toHaveLength(3);
    expect(filesToRunAgain(report(bad, bad, bad, bad))).toEqual([]);
    expect(filesToRunAgain(undefined)).toEqual([]);
  });

  it("has passed if it passes then, and is named as unsteady", () => {
    const outcome = countAgain("e2e", report(well, bad), report(mended), 0);
    expect(outcome).toEqual({ passed: 3, failed: 0, failures: [], unsteady: ["e2e: test 1"] });
    const text = summary([{ name: "e2e", budgetMinutes: 1, seconds: 1, ...outcome }], 1);
    expect(text).toContain("UNSTEADY, passed when it was run once more: e2e: test 1");
    expect(text.split("\n").at(-1)).toBe("3 passed, 0 failed");
  });

  it("has failed if it fails again, if another of its tests fails, and if it is not run", () => {
    const again = countAgain("e2e", report(well, bad), report(bad), 1);
    expect(again).toEqual({ passed: 2, failed: 1, failures: ["e2e: test 1"], unsteady: [] });
    const other = { ...bad, tests: ["failed", "passed"] };
    const elsewhere = countAgain("e2e", report(well, bad), report(other), 1);
    expect(elsewhere).toMatchObject({ passed: 2, failed: 1, unsteady: ["e2e: test 1"] });
    expect(countAgain("e2e", report(well, bad), report(well), 0).failed).toBe(1);
    expect(countAgain("e2e", report(well, bad), undefined, 0).failed).toBe(1);
    expect(countAgain("e2e", report(well, bad), report(mended), 1).failed).toBe(1);
  });

  it("is named with the first line of what it said, without colours", () => {
    const said = "\u001b[31mAssertionError: expected 2 to be 1\u001b[39m\n    at a.test.ts:3";
    const text = JSON.stringify({
      testResults: [
        {
          name: "a.test.ts",
          status: "failed",
          assertionResults: [{ fullName: "adds", status: "failed", failureMessages: [said] }],
        },
      ],
    });
    expect(countTests("unit", text, 1).failures).toEqual([
      "unit: adds: AssertionError: expected 2 to be 1",
    ]);
  });
});

describe("the summary", () => {
  const layer = { name: "lint", budgetMinutes: 1, seconds: 61 };

  it("ends with exactly the two numbers", () => {
    const text = summary([{ ...layer, passed: 3, failed: 1, failures: ["lint: x"] }], 61);
    expect(text.split("\n").at(-1)).toBe("3 passed, 1 failed");
    expect(text).toContain("FAILED lint: x");
  });

  it("says when a layer took longer than its budget", () => {
    expect(summary([{ ...layer, ...countCommand("lint", 0) }], 61)).toContain("1 min 1 s (over)");
    expect(summary([{ ...layer, ...countCommand("lint", 0), seconds: 60 }], 60)).not.toContain(
      "over",
    );
  });

  it("counts a command by its exit status", () => {
    expect(countCommand("lint", 2).failures).toEqual(["lint: ended with 2"]);
    expect(countCommand("lint", null).failures).toEqual(["lint: ended with a signal"]);
  });
});

describe("the layers", () => {
  it("have budgets of at most 45 minutes together", () => {
    const budgets = LAYERS.map(({ budgetMinutes }) => budgetMinutes);
    expect(
      budgets.reduce((sum, minutes) => sum + minutes, SETUP_BUDGET_MINUTES),
    ).toBeLessThanOrEqual(45);
  });

  it("are all run when none is named, and tests bring what they need", () => {
    expect(chooseLayers([])).toEqual(LAYERS);
    expect(chooseLayers(["e2e"]).map(({ name }) => name)).toEqual(["system", "tools", "e2e"]);
    expect(chooseLayers(["real"]).map(({ name }) => name)).toEqual(["system", "tools", "real"]);
    expect(chooseLayers(["unit"]).map(({ name }) => name)).toEqual(["system", "unit"]);
    expect(chooseLayers(["types", "lint"]).map(({ name }) => name)).toEqual(["lint", "types"]);
  });

  it("of the room gateway are its tests and what these need", () => {
    expect(ROOMS_LAYERS.map(({ name }) => name)).toEqual([
      "system",
      "unit",
      "tools",
      "e2e",
      "real",
    ]);
    const filters = ROOMS_LAYERS.filter(({ name, isVitest }) => isVitest && name !== "real").map(
      (layer) => layer.command.at(-1),
    );
    for (const filter of filters) {
      const folder = filter?.replace(/[^/]*$/, "") ?? "";
      const found = readdirSync(folder).filter((name) =>
        `${folder}${name}`.startsWith(`${filter}`),
      );
      expect([filter, found.length]).not.toEqual([filter, 0]);
    }
    expect(filters).toHaveLength(2);
  });

  it("refuse a name they do not have", () => {
    expect(() => chooseLayers(["units"])).toThrow(
      'Layer "units": there is none of that name. Choose from format, lint, types, system, unit, tools, e2e, real.',
    );
  });
});
