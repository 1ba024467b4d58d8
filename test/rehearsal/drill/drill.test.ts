import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { guaranteesOf } from "../../../rehearsal/drill/drill.ts";
import { chooseScenarios, SCENARIOS } from "../../../rehearsal/drill/scenarios.ts";
import { drillTable } from "../../../rehearsal/drill/table.ts";
import { sampleResult, scenario } from "../report/sample-result.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const QUICK = { isQuick: true, canDeploy: true, hasBrowsers: false };
const WHOLE = { isQuick: false, canDeploy: true, hasBrowsers: true };

describe("the scenarios", () => {
  it("have names of their own, and runbooks that exist", () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    for (const { runbook } of SCENARIOS) {
      expect([runbook.file, existsSync(join(ROOT, runbook.file))]).toEqual([runbook.file, true]);
    }
  });

  it("are a loss of LiveKit and an evacuation in the quick drill, all in the whole one", () => {
    expect(chooseScenarios([], QUICK).map(({ name }) => name)).toEqual([
      "livekit-lost",
      "evacuation",
    ]);
    expect(chooseScenarios([], WHOLE)).toEqual(SCENARIOS);
  });

  it("are chosen by name, and leave out what needs a deployment where there is none", () => {
    const names = ["region-added", "gateway-pod"];
    expect(chooseScenarios(names, WHOLE).map(({ name }) => name)).toEqual([
      "gateway-pod",
      "region-added",
    ]);
    const nothing = { ...WHOLE, canDeploy: false };
    expect(chooseScenarios(names, nothing).map(({ name }) => name)).toEqual(["gateway-pod"]);
  });

  it("leave out what only browsers bear where there are none, and say so where it was asked for", () => {
    const withoutBrowsers = { ...WHOLE, hasBrowsers: false };
    expect(chooseScenarios([], withoutBrowsers).map(({ name }) => name)).toEqual(
      SCENARIOS.map(({ name }) => name).filter((name) => name !== "region-silent"),
    );
    expect(() => chooseScenarios(["region-silent"], withoutBrowsers)).toThrow(
      'Scenario "region-silent": only people in browsers can take part. Add --browser.',
    );
  });

  it("refuse a name they do not have", () => {
    expect(() => chooseScenarios(["flood", "partition"], WHOLE)).toThrow(
      /^Scenario "flood": there is none of that name\. Choose from livekit-node, /,
    );
  });

  it("are all in the nightly drill: it names none", () => {
    const folder = join(ROOT, ".github", "workflows");
    expect(readdirSync(folder)).toContain("drill.yml");
  });
});

describe("the guarantees of a scenario", () => {
  const person = (outMs: number | null, gaveUp = false, client: "browser" | "node" = "node") => ({
    client,
    outMs,
    gaveUp,
    lostSignalling: outMs !== 0,
  });
  const kept = (...parameters: Parameters<typeof guaranteesOf>) =>
    guaranteesOf(...parameters).map(({ isKept }) => isKept);
  const none = { during: 0, after: 0 };

  it("are kept up to twice the target, stretched by the load", () => {
    const within = { targetMs: 2000 };
    expect(kept(within, [person(0), person(4000)], none, 1)).toEqual([true, true, true]);
    expect(kept(within, [person(4001)], none, 1)).toEqual([false, true, true]);
    expect(kept(within, [person(4001)], none, 1.5)).toEqual([true, true, true]);
    expect(kept(within, [person(8001)], none, 9)).toEqual([false, true, true]);
    expect(kept({ targetMs: 2000, limitMs: 9000 }, [person(9000)], none, 1)[0]).toBe(true);
  });

  it("are broken by somebody who never comes back, or gives up", () => {
    expect(kept({ targetMs: 2000 }, [person(null)], none, 1)).toEqual([false, true, true]);
    expect(kept({ targetMs: 2000 }, [person(null, true)], none, 1)).toEqual([false, false, true]);
  });

  it("let the Node library give up where a scenario says so, and nobody else stay away", () => {
    const lost = { targetMs: 40_000, mayGiveUp: true } as const;
    expect(kept(lost, [person(null, true), person(100)], none, 1)).toEqual([true, true]);
    expect(kept(lost, [person(null), person(100)], none, 1)).toEqual([false, true]);
    const tab = person(null, true, "browser");
    expect(kept(lost, [person(null, true), tab], none, 1)).toEqual([false, false, true]);
    expect(kept(lost, [person(null, true), person(100, false, "browser")], none, 1)).toEqual([
      true,
      true,
      true,
    ]);
  });

  it("are broken by a room that is in two regions, during it only where that cannot be helped", () => {
    const people = [person(0)];
    expect(kept({ targetMs: 1 }, people, { during: 1, after: 0 }, 1)[2]).toBe(false);
    expect(kept({ targetMs: 1, maySplit: true }, people, { during: 1, after: 0 }, 1)[2]).toBe(true);
    expect(kept({ targetMs: 1, maySplit: true }, people, { during: 1, after: 1 }, 1)[2]).toBe(
      false,
    );
  });

  it("allow no broken connection where nothing is to be noticed, and any silence of a busy machine", () => {
    const quiet = { targetMs: 0, isUnnoticed: true } as const;
    expect(kept(quiet, [person(0)], none, 1)).toEqual([true, true, true]);
    expect(kept(quiet, [person(10)], none, 5)).toEqual([false, true, true]);
    expect(kept(quiet, [{ ...person(900), lostSignalling: false }], none, 1)[0]).toBe(true);
    expect(kept(quiet, [], none, 1)[0]).toBe(false);
  });

  it("are broken where nobody took part", () => {
    expect(kept({ targetMs: 2000 }, [], none, 1)[0]).toBe(false);
  });
});

describe("the table of a drill", () => {
  it("has a row for each scenario and kind of client, and says that all was kept", () => {
    const text = drillTable(sampleResult({ scenarios: [scenario("one"), scenario("two")] }));
    expect(text).toMatch(/one .*\n[^]*two /);
    expect(text).toContain("Every guarantee of the drill was kept.");
  });

  it("names what was broken, and somebody who never came back", () => {
    const broken = scenario("lost", {
      recovery: [
        { client: "node", participants: 2, affected: 1, gaveUp: 1, medianMs: null, worstMs: null },
      ],
      guarantees: [{ sentence: "Nobody's client gives up.", found: "1 did.", isKept: false }],
    });
    const text = drillTable(sampleResult({ scenarios: [broken] }));
    expect(text).toContain("never");
    expect(text).toContain("lost: Nobody's client gives up. Found: 1 did.");
  });
});
