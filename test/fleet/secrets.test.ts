import { describe, expect, it } from "vitest";
import { rotateDjango } from "../../fleet/commands/secrets.ts";
import { EXIT, FleetError } from "../../fleet/exit.ts";
import { runFleet } from "../../fleet/program.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import { FakeStacks, fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

/** A fleet whose primary remembers with which generation of Django's key it was deployed last. */
function remembering(options: FakeOptions = {}) {
  const stacks = new FakeStacks();
  const deployed = (generation: number): void => {
    const config = new Map([["meet:secrets", JSON.stringify({ django: { generation } })]]);
    const update = { kind: "update", succeeded: true, startedAt: START, endedAt: START, config };
    stacks.histories.set("eu", [update]);
  };
  deployed(1);
  const fake = fakeWorld({ stacks, yes: true, ...options });
  const now = (): number => readFleet(fake.folder).fleet.djangoKeyGeneration;
  stacks.after = (call) => {
    if (call === "up eu" && !stacks.failing.has(call)) {
      deployed(now());
    }
  };
  const again = { ...fake.world, output: { say: () => undefined, result: () => undefined } };
  return { ...fake, again, now };
}

describe("fleet secrets rotate django", () => {
  it("makes the next key and deploys the primary alone", async () => {
    const { world, again, stacks, now } = remembering();
    expect(await rotateDjango(world, false)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([2, ["up eu"]]);
    expect(await rotateDjango(again, false)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([3, ["up eu", "up eu"]]);
  });

  it("that failed, called again deploys the same key and makes no further one", async () => {
    const { world, again, stacks, now } = remembering();
    stacks.failing.set("up eu", new FleetError("killed"));
    await expect(rotateDjango(world, false)).rejects.toThrow("killed");
    stacks.failing.clear();
    expect(await rotateDjango(again, false)).toBe(EXIT.done);
    expect(now()).toBe(2);
  });

  it("says who is disturbed, and does nothing unless that is confirmed or with --dry-run", async () => {
    const { world, stacks, now } = remembering({ yes: false });
    await expect(rotateDjango(world, false)).rejects.toThrow(
      "everybody has to sign in to Meet again. Meetings go on. Add --yes",
    );
    expect(await rotateDjango(world, true)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([1, []]);
  });

  it("refuses a primary that was never deployed", async () => {
    const { world, stacks } = remembering();
    stacks.histories.clear();
    await expect(rotateDjango(world, false)).rejects.toThrow("it was never deployed");
  });
});

describe("fleet secrets rotate", () => {
  it.each([
    ["peer", '"secret": "peer"'],
    ["livekit", '"secret": "livekitKeys"'],
    ["django", '"secret": "django"'],
    ["database", 'Secret "database": it is none of livekit, peer, operator, django.'],
  ])("%s plans that secret's rotation, or says which there are", async (name, text) => {
    const { world } = remembering();
    const said: string[] = [];
    const output = {
      say: () => undefined,
      result: (json: unknown) => said.push(JSON.stringify(json, null, 2)),
    };
    const streams = { out: () => undefined, err: (line: string) => said.push(line) };
    const words = ["secrets", "rotate", name, "--dry-run"];
    await runFleet(words, () => ({ ...world, output }), streams, world.project);
    expect(said.join("\n")).toContain(text);
  });
});
