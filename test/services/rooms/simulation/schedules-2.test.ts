import { expect, it } from "vitest";
import { soundness } from "./soundness.ts";

const COUNT = 5_000;

it(
  "keeps every invariant over schedules 5001 to 10000",
  async () => {
    const { broken, lapses } = await soundness(5001, COUNT);
    expect(broken).toEqual([]);
    // The ADR of the claim protocol says what these are.
    expect(lapses.length).toBeLessThan(COUNT / 500);
  },
  15 * 60_000,
);
