import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  announced,
  decreed,
  mergeMembers,
  primaryOf,
  sameMembers,
  withPrimary,
  type MemberList,
} from "../../../../services/rooms/peers/member-list.ts";

const regions = ["eu", "us", "ap", "sa", "constructor"];
const list: fc.Arbitrary<MemberList> = fc.dictionary(
  fc.constantFrom(...regions),
  fc.record(
    {
      version: fc.nat(4),
      state: fc.constantFrom<"member" | "removed">("member", "removed"),
      primaryEpoch: fc.integer({ min: 1, max: 4 }),
    },
    { requiredKeys: ["version", "state"] },
  ),
);

describe("two member lists merged", () => {
  it("give the same in whatever order, and however often", () => {
    fc.assert(
      fc.property(list, list, list, (a, b, c) => {
        expect(mergeMembers(a, b)).toEqual(mergeMembers(b, a));
        expect(mergeMembers(mergeMembers(a, b), c)).toEqual(mergeMembers(a, mergeMembers(b, c)));
        expect(mergeMembers(a, a)).toEqual(a);
        const both = mergeMembers(a, b);
        expect(sameMembers(mergeMembers(both, a), both)).toBe(true);
      }),
    );
  });

  it("take the higher version, and the removal at equal ones", () => {
    const merged = mergeMembers(
      { eu: { version: 2, state: "removed" }, us: { version: 1, state: "member" } },
      { eu: { version: 3, state: "member" }, us: { version: 1, state: "removed" } },
    );
    expect(merged).toEqual({
      eu: { version: 3, state: "member" },
      us: { version: 1, state: "removed" },
    });
  });

  it("are the same only if every line is", () => {
    const eu = { eu: { version: 1, state: "member" } } as const;
    expect(sameMembers(eu, eu)).toBe(true);
    expect(sameMembers(eu, {})).toBe(false);
    expect(sameMembers(eu, { us: eu.eu })).toBe(false);
    expect(sameMembers(eu, { eu: { version: 1, state: "removed" } })).toBe(false);
    expect(sameMembers(eu, { eu: { version: 2, state: "member" } })).toBe(false);
  });
});

describe("an operator's word", () => {
  it("outlives every announcement, and only another word undoes it", () => {
    const removed = decreed(announced({}, "ap"), "ap", "removed", 100);
    expect(removed).toEqual({ ap: { version: 100, state: "removed" } });
    expect(announced(removed, "ap")).toEqual(removed);
    expect(mergeMembers(announced({}, "ap"), removed)).toEqual(removed);
    // The clock of this operator's region is behind that of the first.
    expect(decreed(removed, "ap", "member", 50)).toEqual({ ap: { version: 101, state: "member" } });
  });
});

describe("the primary of a list", () => {
  const before = withPrimary(announced({}, "us"), { region: "eu", epoch: 1 });
  const after = withPrimary(announced({}, "eu"), { region: "us", epoch: 2 });

  it("is the region of the highest epoch, whoever was told of which", () => {
    expect(primaryOf({})).toBeUndefined();
    expect(primaryOf(before)).toEqual({ region: "eu", epoch: 1 });
    expect(primaryOf(mergeMembers(before, after))).toEqual({ region: "us", epoch: 2 });
    expect(primaryOf(mergeMembers(after, before))).toEqual({ region: "us", epoch: 2 });
    const back = withPrimary(after, { region: "eu", epoch: 3 });
    expect(primaryOf(mergeMembers(mergeMembers(before, after), back))?.region).toBe("eu");
  });

  it("is the same for all of two regions of one epoch", () => {
    const us = withPrimary({}, { region: "us", epoch: 2 });
    const eu = withPrimary({}, { region: "eu", epoch: 2 });
    expect(primaryOf(mergeMembers(us, eu))).toEqual(primaryOf(mergeMembers(eu, us)));
  });

  it("never has a lower epoch after more was heard", () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const epochs = [primaryOf(a)?.epoch ?? 0, primaryOf(b)?.epoch ?? 0];
        expect(primaryOf(mergeMembers(a, b))?.epoch ?? 0).toBe(Math.max(...epochs));
      }),
    );
  });

  it("outlives an operator's word about the region, and lists of gateways that know no epochs", () => {
    expect(primaryOf(decreed(after, "us", "removed", 100))).toEqual({ region: "us", epoch: 2 });
    expect(primaryOf(mergeMembers(after, announced({}, "us")))).toEqual({ region: "us", epoch: 2 });
    expect(sameMembers(after, announced(announced({}, "us"), "eu"))).toBe(false);
  });
});

describe("five regions that tell each other what they know", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("gossip" as const), from: fc.nat(4), to: fc.nat(4) }),
    fc.record({ kind: fc.constant("announce" as const), from: fc.nat(4), to: fc.nat(4) }),
    fc.record({ kind: fc.constant("remove" as const), from: fc.nat(4), to: fc.nat(4) }),
    fc.record({ kind: fc.constant("admit" as const), from: fc.nat(4), to: fc.nat(4) }),
    fc.record({ kind: fc.constant("lose" as const), from: fc.nat(4), to: fc.nat(4) }),
  );

  it("agree in the end, in whatever order they talked, on the last word about each region", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
        (steps, order) => {
          const start = (at: number): MemberList => announced(announced({}, "eu"), name(at));
          const nodes = regions.map((_, at) => start(at));
          const listOf = (at: number): MemberList => nodes[at] ?? {};
          const last = new Map<string, string>();
          let time = 10;
          for (const { kind, from, to } of steps) {
            time++;
            if (kind === "gossip") {
              nodes[to] = mergeMembers(listOf(to), listOf(from));
            } else if (kind === "announce") {
              nodes[to] = announced(mergeMembers(listOf(to), listOf(from)), name(from));
            } else if (kind === "lose") {
              // A region comes back with nothing: the others still know.
              nodes[to] = mergeMembers(start(to), listOf(from));
            } else {
              const state = kind === "remove" ? "removed" : "member";
              nodes[from] = decreed(listOf(from), name(to), state, time);
              nodes[(from + 1) % 5] = mergeMembers(listOf((from + 1) % 5), listOf(from));
              nodes[(from + 2) % 5] = mergeMembers(listOf((from + 2) % 5), listOf(from));
              last.set(name(to), state);
            }
          }
          for (const at of order) {
            for (const other of order) {
              nodes[other] = mergeMembers(listOf(other), listOf(at));
            }
          }
          for (const at of order) {
            expect(sameMembers(listOf(at), listOf(0))).toBe(true);
          }
          if (!steps.some(({ kind }) => kind === "lose")) {
            for (const [region, state] of last) {
              expect([region, listOf(0)[region]?.state]).toEqual([region, state]);
            }
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function name(at: number): string {
  return regions[at] ?? "";
}
