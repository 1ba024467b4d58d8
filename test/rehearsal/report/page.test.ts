import { describe, expect, it } from "vitest";
import { brokenOf } from "../../../rehearsal/drill/result.ts";
import { percentile, recoveryOf } from "../../../rehearsal/drill/statistics.ts";
import { duration } from "../../../rehearsal/report/html.ts";
import { reportPage } from "../../../rehearsal/report/page.ts";
import { isLand } from "../../../rehearsal/report/world.ts";
import { person, sampleResult, scenario } from "./sample-result.ts";

describe("the report", () => {
  const result = sampleResult();
  const page = reportPage(result);

  it("has one row for each participant of each scenario", () => {
    const rows = [...page.matchAll(/data-participant="([^"]*)"/g)].map(([, name]) => name);
    const people = result.scenarios.flatMap(({ participants }) => participants);
    expect(rows.sort()).toEqual(people.map(({ identity }) => identity).sort());
  });

  it("carries the result, as --json writes it", () => {
    const [, json = ""] =
      /<script type="application\/json" id="drill">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(json)).toEqual(result);
  });

  it("loads nothing and runs nothing", () => {
    expect(page).not.toMatch(/(src|href)="(?!#|data:)/);
    expect(page).not.toMatch(/url\(|@import/);
    expect(page).toContain("default-src &#39;none&#39;");
  });

  it("shows what it was told, and runs none of it", () => {
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(page).not.toContain("<script>alert");
  });

  it("says what is broken, first of all", () => {
    expect(page).toContain("Every guarantee was kept");
    const guarantees = [{ sentence: "No room is split.", found: "2 rooms.", isKept: false }];
    const broken = sampleResult({ scenarios: [scenario("partition", { guarantees })] });
    expect(reportPage(broken)).toContain("1 guarantee broken");
    expect(reportPage(broken)).toContain("partition: No room is split. Found: 2 rooms.");
  });

  it("says where costs would come from when there are none", () => {
    expect(reportPage(sampleResult({ costs: [] }))).toContain("npm run plan");
  });
});

describe("what is broken", () => {
  it("is every guarantee that was not kept, and what could not be finished", () => {
    const guarantees = [
      { sentence: "A.", found: "B.", isKept: true },
      { sentence: "C.", found: "D.", isKept: false },
    ];
    expect(
      brokenOf({
        scenarios: [scenario("one", { guarantees }), scenario("two", { failure: "why" })],
      }),
    ).toEqual(["one: C. Found: D.", "two: it could not be finished: why"]);
  });
});

describe("statistics", () => {
  it.each([
    [[5], 0.5, 5],
    [[1, 2, 3, 4], 0.5, 2],
    [[4, 3, 2, 1], 0.95, 4],
    [[1, 2, 3, null], 1, null],
    [[1, 2, 3, null], 0.75, 3],
    [[], 0.5, null],
  ])("percentile of %j at %d is %j", (values, share, value) => {
    expect(percentile(values, share)).toBe(value);
  });

  it("count only those who were out, by kind of client", () => {
    const people = [
      person(0, { from: 0, to: 900 }),
      person(3, undefined),
      person(1, { from: 0, to: 300 }),
      person(2, { from: 0, to: 500 }, { outMs: null, gaveUp: true }),
    ];
    expect(recoveryOf(people, { browser: 2000 })).toEqual([
      {
        client: "browser",
        participants: 2,
        affected: 1,
        gaveUp: 0,
        medianMs: 900,
        p95Ms: 900,
        worstMs: 900,
        budgetMs: 2000,
      },
      {
        client: "node",
        participants: 2,
        affected: 2,
        gaveUp: 1,
        medianMs: 300,
        p95Ms: null,
        worstMs: null,
      },
    ]);
  });
});

describe("the page's words and map", () => {
  it.each([
    [0, "0 ms"],
    [840, "840 ms"],
    [2400, "2.4 s"],
    [35_200, "35 s"],
    [185_000, "3 min 5 s"],
    [null, "never"],
  ])("%j ms read as %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    ["Paris", 2.4, 48.9, true],
    ["Virginia", -77.5, 38.9, true],
    ["Sydney", 150, -33, true],
    ["the Atlantic", -35, 35, false],
    ["the Pacific", -150, 0, false],
  ])("%s is land or not: %d, %d, %j", (_, longitude, latitude, land) => {
    expect(isLand(longitude, latitude)).toBe(land);
  });
});
