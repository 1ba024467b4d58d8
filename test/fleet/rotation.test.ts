import { describe, expect, it } from "vitest";
import { rotate, type RotateOptions } from "../../fleet/commands/keys.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { deployedSince, nextMake, phaseOf, type Make } from "../../fleet/rotation.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import type { StackUpdate } from "../../fleet/stacks.ts";
import { FakeStacks, fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

const HOUR_MS = 3_600_000;

const FIRST: Make = { generation: 1, keepPrevious: false, signWith: "current" };

const OPTIONS: RotateOptions = {
  secret: "livekitKeys",
  inPlace: true,
  evacuate: false,
  deadlineSeconds: 60,
  dropNow: false,
  dryRun: false,
};

/** An update that ran for a minute with these settings. */
function update(startedAt: number, make?: Make, succeeded = true): StackUpdate {
  return {
    kind: "update",
    succeeded,
    startedAt,
    endedAt: startedAt + 60_000,
    config: new Map(
      make === undefined ? [] : [["meet:secrets", JSON.stringify({ livekitKeys: make })]],
    ),
  };
}

/** A fleet of eu and us whose stacks remember with which settings they were deployed. */
function remembering(options: FakeOptions = {}) {
  const stacks = new FakeStacks();
  stacks.histories.set("eu", [update(START - HOUR_MS)]);
  stacks.histories.set("us", [update(START - HOUR_MS + 120_000)]);
  const fake = fakeWorld({ stacks, ...options });
  const makeNow = (): Make => readFleet(fake.folder).fleet.secrets.livekitKeys;
  let time = START;
  stacks.after = (call) => {
    const [what, stack = ""] = call.split(" ");
    if (what === "up" && !stacks.failing.has(call)) {
      time += 120_000;
      const before = stacks.histories.get(stack) ?? [];
      stacks.histories.set(stack, [update(time, makeNow()), ...before]);
    }
  };
  return { ...fake, makeNow };
}

describe("fleet keys rotate", () => {
  it("makes the new key, has it sign everywhere, and then waits for the old one's last token", async () => {
    const { world, stacks, result, makeNow } = remembering({ yes: true });
    expect(await rotate(world, OPTIONS)).toBe(EXIT.notFinished);
    expect(stacks.calls).toEqual(["up eu", "up us", "up eu", "up us"]);
    expect(phaseOf(makeNow())).toBe("new in use");
    expect(result().text).toContain("Tokens of the old one live until 2026-11-23T18:09:00.000Z");
  });

  it("called before the time is over, waits on and deploys nothing", async () => {
    const first = remembering({ yes: true });
    await rotate(first.world, OPTIONS);
    const { stacks } = first;
    stacks.calls.length = 0;
    const again = fakeWorld({ stacks, yes: true, files: readFleet(first.folder).files });
    expect(await rotate(again.world, OPTIONS)).toBe(EXIT.notFinished);
    expect(stacks.calls).toEqual([]);
  });

  it("called after, drops the old key everywhere", async () => {
    const first = remembering({ yes: true });
    await rotate(first.world, OPTIONS);
    first.stacks.calls.length = 0;
    await first.world.clock.sleep(7 * HOUR_MS);
    const later = { ...first.world, output: { say: () => undefined, result: () => undefined } };
    expect(await rotate(later, OPTIONS)).toBe(EXIT.done);
    expect(first.stacks.calls).toEqual(["up eu", "up us"]);
    expect(first.makeNow()).toEqual({ generation: 2, keepPrevious: false, signWith: "current" });
  });

  it("drops a leaked key at once when that is confirmed", async () => {
    const { world, makeNow, asked } = remembering({ answers: ["yes", "yes"] });
    expect(await rotate(world, { ...OPTIONS, dropNow: true })).toBe(EXIT.done);
    expect(asked[1]).toContain("whoever holds a token of the old one is turned away");
    expect(phaseOf(makeNow())).toBe("settled");
  });

  it("goes on after a region that failed: nothing signs with a key that one region does not know", async () => {
    const { world, stacks, makeNow } = remembering({ yes: true });
    stacks.failing.set("up us", new FleetError('Stack "us": up failed.'));
    await expect(rotate(world, OPTIONS)).rejects.toThrow(
      /Not done in us\. Both makes are in use as before; run fleet keys rotate again/,
    );
    expect(phaseOf(makeNow())).toBe("both accepted");
    stacks.failing.clear();
    stacks.calls.length = 0;
    expect(await rotate(world, OPTIONS)).toBe(EXIT.notFinished);
    expect(stacks.calls).toEqual(["up us", "up eu", "up us"]);
  });

  it("finishes the last step of an earlier rotation, and begins no new one by that", async () => {
    const { world, stacks, result } = remembering({ yes: true });
    const file = readFleet(world.project).files.get("Pulumi.eu.yaml") ?? "";
    const settled: Make = { generation: 2, keepPrevious: false, signWith: "current" };
    const files = new Map(readFleet(world.project).files).set(
      "Pulumi.eu.yaml",
      `${file}\n  meet:secrets:\n    livekitKeys:\n      generation: 2\n`,
    );
    stacks.histories.set("eu", [update(START, settled), update(START - HOUR_MS)]);
    const again = fakeWorld({ stacks, files, yes: true });
    expect(await rotate(again.world, OPTIONS)).toBe(EXIT.done);
    expect(stacks.calls).toEqual(["up us"]);
    expect(again.result().text).toContain("The rotation before this one is finished now.");
    expect(result).toThrow("not 0");
  });

  it("does nothing unless it is confirmed, and nothing with --dry-run", async () => {
    const { world, stacks, makeNow } = remembering({ answers: ["no"] });
    await expect(rotate(world, OPTIONS)).rejects.toMatchObject({ exit: EXIT.notConfirmed });
    const planned = remembering();
    expect(await rotate(planned.world, { ...OPTIONS, dryRun: true })).toBe(EXIT.done);
    expect(planned.result().text.split("\n")).toHaveLength(4);
    expect([...stacks.calls, ...planned.stacks.calls]).toEqual([]);
    expect(makeNow()).toEqual(FIRST);
  });

  it("refuses where nothing was ever deployed", async () => {
    const { world, stacks } = remembering({ yes: true });
    stacks.histories.clear();
    stacks.after = () => undefined;
    await expect(rotate(world, OPTIONS)).rejects.toThrow(
      'Stack "eu": it was never deployed, so there are no keys to replace. Run fleet up first.',
    );
  });
});

describe("the phases of a rotation", () => {
  it("are three, and end in one make of the next generation", () => {
    const phases: string[] = [];
    let make = FIRST;
    for (let step = 0; step < 3; step++) {
      make = nextMake("livekitKeys", make);
      phases.push(phaseOf(make));
    }
    expect(phases).toEqual(["both accepted", "new in use", "settled"]);
    expect(make).toEqual({ ...FIRST, generation: 2 });
  });
});

describe("since when settings are deployed", () => {
  const both = nextMake("livekitKeys", FIRST);
  const find = (eu: readonly StackUpdate[], us: readonly StackUpdate[]) =>
    deployedSince("livekitKeys", both, "eu", new Map(Object.entries({ eu, us }))).get("us");

  it("counts only what began after the primary had them", () => {
    expect(find([update(1000, both)], [update(30_000)])).toBeUndefined();
    expect(find([update(1000, both)], [update(61_000)])).toBe(121_000);
  });

  it("counts from the first update with them, not from later ones that changed something else", () => {
    const eu = [update(900_000, both), update(1000, both), update(0)];
    expect(find(eu, [update(800_000), update(100_000)])).toBe(160_000);
  });

  it("counts no update that failed", () => {
    expect(find([update(1000, both)], [update(61_000, undefined, false)])).toBeUndefined();
    expect(find([update(1000, both, false)], [update(61_000)])).toBeUndefined();
  });

  it("is nowhere while the primary runs with others", () => {
    expect(find([update(500_000), update(1000, both)], [update(61_000)])).toBeUndefined();
  });
});
