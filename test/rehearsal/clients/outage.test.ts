import { describe, expect, it } from "vitest";
import { outage, type Outage } from "../../../rehearsal/clients/outage.ts";

/** Beats every 100 ms of Anna from 0 on, but for the pauses. */
function beats(
  until: number,
  ...pauses: readonly (readonly [number, number])[]
): { at: number; from: string }[] {
  return Array.from({ length: until / 100 }, (_, index) => index * 100)
    .filter((at) => pauses.every(([from, to]) => at <= from || at >= to))
    .map((at) => ({ at, from: "anna" }));
}

const measure = (list: { at: number; from: string }[], lost: number[], back: number[]): Outage =>
  outage({ beats: list, lost, back }, ["anna"], 1000, 10_000);

describe("an outage", () => {
  it("is none where beats and signalling went on", () => {
    expect(measure(beats(10_000), [], [])).toEqual({ outMs: 0, gapMs: 100 });
  });

  it("runs from the last beat to the next, where signalling was not lost before", () => {
    expect(measure(beats(10_000, [2000, 3500]), [2100], [3400])).toEqual({
      outMs: 1500,
      gapMs: 1500,
      beganAt: 2000,
    });
  });

  it("runs from the loss of signalling, where media went on for a while", () => {
    const { outMs, beganAt } = measure(beats(10_000, [3000, 4000]), [2100], [3900]);
    expect([outMs, beganAt]).toEqual([1900, 2100]);
  });

  it("runs to the first beat after signalling was back, where no beat was missed", () => {
    expect(measure(beats(10_000), [2050], [2420]).outMs).toBe(450);
  });

  it("goes on over a few beats between two gaps", () => {
    expect(measure(beats(10_000, [2000, 3000], [3900, 5000]), [], []).outMs).toBe(3000);
  });

  it("is the longest of several, where beats came steadily for a second between them", () => {
    expect(measure(beats(10_000, [2000, 2900], [4000, 5500]), [1900], [2950]).outMs).toBe(1500);
    expect(measure(beats(10_000, [2000, 4000], [6000, 7000]), [1900], [3900]).outMs).toBe(2100);
  });

  it("goes on where signalling is lost again before beats came steadily", () => {
    expect(measure(beats(10_000, [2000, 3000]), [2000, 3500], [2900, 4000]).outMs).toBe(2000);
  });

  it("is not over while signalling is away or nothing is heard", () => {
    expect(measure(beats(10_000), [2050], []).outMs).toBe(Infinity);
    expect(measure(beats(8000), [], []).outMs).toBe(Infinity);
    expect(measure([], [], []).outMs).toBe(Infinity);
  });

  it("is that of the worst-off other, and what lies before does not count", () => {
    const list = beats(10_000, [300, 900]);
    const other = beats(10_000, [2000, 2600]).map(({ at }) => ({ at, from: "ben" }));
    const diary = { beats: [...list, ...other], lost: [], back: [] };
    expect(outage(diary, ["anna"], 1000, 10_000).outMs).toBe(0);
    expect(outage(diary, ["anna", "ben"], 1000, 10_000).outMs).toBe(600);
  });
});
