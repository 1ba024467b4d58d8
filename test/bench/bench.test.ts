import { describe, expect, it } from "vitest";
import { generatedFleet } from "../../bench/generated-fleet.ts";
import { largestMegabytes } from "../../bench/measure.ts";
import { median, summarise } from "../../bench/result.ts";
import type { Round } from "../../bench/result.ts";
import { resolveFleet } from "../../infra/config.ts";
import { repositoryFiles } from "../support/fleets.ts";

function round(scale: number, programMegabytes = 300): Round {
  return {
    seconds: {
      previewEmpty: 2 * scale,
      previewEu: 6 * scale,
      upEmpty: 4 * scale,
      upEu: 20 * scale,
      planTwo: 5 * scale,
      planTwenty: 61 * scale,
    },
    programMegabytes,
  };
}

describe("The median", () => {
  it.each([
    [[3], 3],
    [[9, 1, 5], 5],
    [[1, 2, 3, 10], 2.5],
  ])("of %j is %d", (values, result) => {
    expect(median(values)).toBe(result);
  });

  it("of nothing is refused", () => {
    expect(() => median([])).toThrow("Median of no values: at least one round must be run.");
  });
});

describe("The summary", () => {
  it("is of ratios, and says which targets are missed", () => {
    const values = summarise([round(1)]).measurements.map(({ value, target, reached }) => [
      value,
      target,
      reached,
    ]);
    expect(values).toEqual([
      [3, 3, true],
      [5, undefined, true],
      [2.5, 3, true],
      [12.2, 12, false],
      [300, 400, true],
    ]);
  });

  it("does not depend on how fast the machine is", () => {
    const ratios = (scale: number) =>
      summarise([round(scale)]).measurements.map(({ value }) => value);
    expect(ratios(7)).toEqual(ratios(1));
  });

  it("takes medians, so that one slow round decides nothing", () => {
    const slow = round(1, 900);
    const result = summarise([
      round(1),
      { ...slow, seconds: { ...slow.seconds, previewEu: 600 } },
      round(1),
    ]);
    expect(result).toMatchObject({ rounds: 3, medianSeconds: { previewEu: 6 } });
    expect(result.measurements.every(({ what, reached }) => reached || what.includes("20"))).toBe(
      true,
    );
  });
});

describe("The memory of the program", () => {
  it("is that of the largest process", () => {
    expect(largestMegabytes("52000\n310500\n")).toBe(310.5);
  });

  it("is not taken for nothing when no process reported it", () => {
    expect(() => largestMegabytes("")).toThrow(
      "Memory of the program: no process reported it. Is the program run by Node?",
    );
  });
});

describe("A generated fleet", () => {
  it.each([2, 3, 20])("of %i regions is a valid one", (regions) => {
    expect(resolveFleet(generatedFleet(repositoryFiles(), regions)).size).toBe(regions);
  });

  it("is refused when AWS has not so many regions", () => {
    expect(() => generatedFleet(repositoryFiles(), 100)).toThrow(
      /^Fleet of 100 regions: AWS has \d+\. Ask for fewer\.$/,
    );
  });
});
