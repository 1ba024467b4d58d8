import { describe, expect, it } from "vitest";
import { figure, isReached, percentile95, spread } from "../../bench/rooms/figure.ts";

describe("The 95th percentile", () => {
  it.each([
    [[7], 7],
    [[3, 1, 2], 3],
    [Array.from({ length: 100 }, (_, index) => 100 - index), 95],
    [Array.from({ length: 20 }, (_, index) => index + 1), 19],
  ])("of %j is %d", (values, result) => {
    expect(percentile95(values)).toBe(result);
  });

  it("of nothing is refused", () => {
    expect(() => percentile95([])).toThrow("Percentile of no values: nothing was measured.");
  });
});

describe("A figure of the room gateway", () => {
  const parts = { what: "join", unit: "×", from: "" } as const;

  it.each([
    [{ value: 1.5, target: 1.5 }, true],
    [{ value: 1.51, target: 1.5 }, false],
    [{ value: 0.3, target: 0.3, isFloor: true }, true],
    [{ value: 0.29, target: 0.3, isFloor: true }, false],
    [{ value: 99 }, true],
  ])("%j is within its target: %s", (values, reached) => {
    expect(isReached(figure({ ...parts, ...values }))).toBe(reached);
  });

  it("says how busy the machine was", () => {
    expect(figure({ ...parts, value: 1.2345 })).toMatchObject({
      value: 1.23,
      load: expect.any(Number) as number,
    });
  });

  it("is shown with its median and spread", () => {
    expect(spread([1, 2, 30])).toBe("2.0 ms, 95th percentile 30.0 ms");
  });
});
