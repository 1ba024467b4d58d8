import { describe, expect, it } from "vitest";
import { addRegion } from "../../fleet/commands/region.ts";
import { rotate, rotateOptionsSchema } from "../../fleet/commands/keys.ts";
import { rotateSingle, type Single } from "../../fleet/commands/secrets.ts";
import { EXIT, FleetError, type ExitStatus } from "../../fleet/exit.ts";
import { runFleet } from "../../fleet/program.ts";
import { readFleet } from "../../fleet/stack-files.ts";
import type { StackUpdate } from "../../fleet/stacks.ts";
import type { World } from "../../fleet/world.ts";
import { activeFiles } from "../support/fleets.ts";
import { FakeStacks, fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

const HOUR_MS = 3_600_000;

/** A fleet of eu and us whose stacks remember with which secrets they were deployed last. */
function remembering(options: FakeOptions = {}) {
  const stacks = new FakeStacks();
  const fake = fakeWorld({ stacks, yes: true, ...options });
  const secrets = () => readFleet(fake.folder).fleet.secrets;
  let time = START - HOUR_MS;
  const deployed = (stack: string): void => {
    const config = new Map(
      stack === "eu" ? [["meet:secrets", JSON.stringify(secrets())]] : undefined,
    );
    const update: StackUpdate = {
      ...{ kind: "update", succeeded: true, config },
      ...{ startedAt: time, endedAt: time + 60_000 },
    };
    time += 120_000;
    stacks.histories.set(stack, [update, ...(stacks.histories.get(stack) ?? [])]);
  };
  deployed("eu");
  deployed("us");
  time = START;
  stacks.after = (call) => {
    const [what, stack = ""] = call.split(" ");
    if (what === "up" && !stacks.failing.has(call)) {
      deployed(stack);
    }
  };
  const silent: World = {
    ...fake.world,
    output: { say: () => undefined, result: () => undefined },
  };
  return { ...fake, silent, secrets };
}

describe.each<Single>(["django", "database"])("fleet secrets rotate %s", (secret) => {
  const of = (options: FakeOptions = {}) => {
    const fake = remembering(options);
    return { ...fake, now: () => fake.secrets()[secret].generation };
  };

  it("makes the next one and deploys the primary alone", async () => {
    const { silent, stacks, now } = of();
    expect(await rotateSingle(silent, secret, false)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([2, ["up eu"]]);
    expect(await rotateSingle(silent, secret, false)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([3, ["up eu", "up eu"]]);
  });

  it("that failed, called again deploys the same one and makes no further one", async () => {
    const { silent, stacks, now } = of();
    stacks.failing.set("up eu", new FleetError("killed"));
    await expect(rotateSingle(silent, secret, false)).rejects.toThrow("killed");
    stacks.failing.clear();
    expect(await rotateSingle(silent, secret, false)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([2, ["up eu", "up eu"]]);
  });

  it("says who is disturbed, and does nothing unless that is confirmed or with --dry-run", async () => {
    const { world, stacks, now } = of({ yes: false });
    await expect(rotateSingle(world, secret, false)).rejects.toThrow(
      secret === "django"
        ? "everybody has to sign in to Meet again. Meetings go on. Add --yes"
        : /Meet answers nobody for a few minutes.*Meetings and recordings go on\. Add --yes/,
    );
    expect(await rotateSingle(world, secret, true)).toBe(EXIT.done);
    expect([now(), stacks.calls]).toEqual([1, []]);
  });

  it("refuses a primary that was never deployed", async () => {
    const { world, stacks } = of();
    stacks.histories.clear();
    await expect(rotateSingle(world, secret, false)).rejects.toThrow("it was never deployed");
  });
});

describe("fleet secrets rotate django where Meet is active in two regions", () => {
  const of = () => remembering({ files: activeFiles() });

  it("deploys both, the primary first: sessions are signed by each Meet with the same key", async () => {
    const { silent, stacks, secrets } = of();
    expect(await rotateSingle(silent, "django", false)).toBe(EXIT.done);
    expect([secrets().django.generation, stacks.calls]).toEqual([2, ["up eu", "up us"]]);
    expect(await rotateSingle(silent, "django", false)).toBe(EXIT.done);
    expect([secrets().django.generation, stacks.calls.slice(2)]).toEqual([3, ["up eu", "up us"]]);
  });

  it.each([
    ["up eu", ["up eu", "up us"]],
    ["up us", ["up us"]],
  ])(
    "failed at %s and called again, deploys the same one where it is missing",
    async (call, rest) => {
      const { silent, stacks, secrets } = of();
      stacks.failing.set(call, new FleetError("killed"));
      await expect(rotateSingle(silent, "django", false)).rejects.toThrow(
        "Run fleet secrets rotate django again: it goes on.",
      );
      stacks.failing.clear();
      stacks.calls.length = 0;
      expect(await rotateSingle(silent, "django", false)).toBe(EXIT.done);
      expect([secrets().django.generation, stacks.calls]).toEqual([2, rest]);
    },
  );
});

describe.each(["livekit", "peer", "operator", "valkey"] as const)(
  "fleet secrets rotate %s",
  (name) => {
    it("names the command that goes on with it, and that command ends it", async () => {
      const { world, silent, stacks, secrets, result } = remembering();
      const options = { secret: name, inPlace: true };
      expect(await rotate(world, rotateOptionsSchema.parse(options))).toBe(EXIT.notFinished);
      const [, words = ""] = /^Run fleet (.*) again then: it drops/m.exec(result().text) ?? [];
      expect(words).toBe(name === "livekit" ? "keys rotate" : `secrets rotate ${name}`);
      await silent.clock.sleep(7 * HOUR_MS);
      stacks.calls.length = 0;
      const streams = { out: () => undefined, err: () => undefined };
      const line = [...words.split(" "), "--in-place", "--yes"];
      expect(await runFleet(line, () => silent, streams, silent.project)).toBe(EXIT.done);
      expect(stacks.calls).toEqual(["up eu", "up us"]);
      const secret = name === "livekit" ? "livekitKeys" : name;
      expect(secrets()[secret]).toMatchObject({ generation: 2, keepPrevious: false });
    });
  },
);

const VALKEY = { secret: "valkey", inPlace: true } as const;

const rotateValkey = (
  world: World,
  more: Readonly<Record<string, unknown>> = {},
): Promise<ExitStatus> => rotate(world, rotateOptionsSchema.parse({ ...VALKEY, ...more }));

describe("fleet secrets rotate valkey", () => {
  const BOTH = { generation: 2, keepPrevious: true };
  const SETTLED = { generation: 2, keepPrevious: false };

  it("gives every region both passwords, and waits until no pod may be left that began with the old one", async () => {
    const { world, stacks, secrets, result } = remembering();
    expect(await rotateValkey(world)).toBe(EXIT.notFinished);
    expect([secrets().valkey, stacks.calls]).toEqual([BOTH, ["up eu", "up us"]]);
    // Four hours: a recording may last as long, which is longer than LiveKit's drain.
    expect(result().text).toBe(
      "The new one is in use everywhere. Pods of LiveKit and Egress that drain may use the old one until 2026-11-23T16:03:00.000Z (4 h 3 min).\nRun fleet secrets rotate valkey again then: it drops the old one.",
    );
  });

  it("called again before, deploys nothing; called after, drops the old one everywhere", async () => {
    const { silent, stacks, secrets } = remembering();
    await rotateValkey(silent);
    stacks.calls.length = 0;
    expect(await rotateValkey(silent)).toBe(EXIT.notFinished);
    expect([secrets().valkey, stacks.calls]).toEqual([BOTH, []]);
    await silent.clock.sleep(5 * HOUR_MS);
    expect(await rotateValkey(silent)).toBe(EXIT.done);
    expect([secrets().valkey, stacks.calls]).toEqual([SETTLED, ["up eu", "up us"]]);
  });

  it("drops a leaked one at once when that is confirmed", async () => {
    const { silent, asked, secrets } = remembering({ yes: false, answers: ["yes", "yes"] });
    expect(await rotateValkey(silent, { dropNow: true })).toBe(EXIT.done);
    expect(asked[0]).toContain("every region is deployed twice");
    expect(asked[1]).toContain("meetings and recordings in pods that still drain may break off");
    expect(secrets().valkey).toEqual(SETTLED);
  });

  it.each([0, 1, 2, 3])(
    "killed at its update %i and called again, drops the old one only where all pods have the new one",
    async (killed) => {
      const { silent, stacks, secrets } = remembering();
      const steps: string[] = [];
      const { after } = stacks;
      const note = (call: string): void => {
        const isKilled = steps.length === killed;
        steps.push(`${call} ${isKilled ? "killed" : JSON.stringify(secrets().valkey)}`);
        stacks.failing.delete(call);
        if (isKilled) {
          stacks.failing.set(call, new FleetError("killed"));
        }
        after(call);
      };
      stacks.after = note;
      let status: ExitStatus | undefined;
      for (let call = 0; call < 4 && status !== EXIT.done; call++) {
        status = await rotateValkey(silent).catch(() => undefined);
        if (status === EXIT.notFinished) {
          await silent.clock.sleep(5 * HOUR_MS);
        }
      }
      expect(status).toBe(EXIT.done);
      const done = steps.filter((step) => !step.endsWith("killed"));
      expect(done.slice(0, 2).sort()).toEqual(
        ["eu", "us"].map((stack) => `up ${stack} ${JSON.stringify(BOTH)}`),
      );
      expect(new Set(done.slice(2))).toEqual(
        new Set(["eu", "us"].map((stack) => `up ${stack} ${JSON.stringify(SETTLED)}`)),
      );
      expect(steps.length - done.length).toBe(1);
    },
  );

  it("empties a region before LiveKit is replaced, and not where only the old one is dropped", async () => {
    const { silent, stacks } = remembering();
    // No gateway can be asked here: a region that is to be emptied stops the command before its update.
    await expect(rotateValkey(silent, { inPlace: false })).rejects.toThrow(/Left: eu: drain/);
    expect(stacks.calls).toEqual([]);
    await rotateValkey(silent);
    stacks.calls.length = 0;
    await silent.clock.sleep(5 * HOUR_MS);
    expect(await rotateValkey(silent, { inPlace: false })).toBe(EXIT.done);
    expect(stacks.calls).toEqual(["up eu", "up us"]);
  });

  it("is finished before a region is added", async () => {
    const { silent, stacks } = remembering();
    await rotateValkey(silent);
    stacks.calls.length = 0;
    const options = { role: "media", wait: false, dryRun: false, awsRegion: "ap-northeast-1" };
    await expect(addRegion(silent, "ap", { ...options, role: "media" })).rejects.toThrow(
      'Region "ap": the passwords of the Valkeys are being made anew. Finish that with fleet secrets rotate valkey first.',
    );
    expect(stacks.calls).toEqual([]);
  });
});

describe("fleet secrets rotate", () => {
  it.each([
    ["peer", '"secret": "peer"'],
    ["operator", '"secret": "operator"'],
    ["livekit", '"secret": "livekitKeys"'],
    ["valkey", "new in use: generation 2, keepPrevious true\n  settled: generation 2"],
    ["django", '"secret": "django"'],
    ["database", "Would set generation 2 of database in Pulumi.eu.yaml, then fleet up eu."],
    [
      "mail",
      'Secret "mail": it is none of livekit, peer, operator, valkey, django, database. Use one of them.',
    ],
  ])("%s plans that secret's rotation, or says which there are", async (name, text) => {
    const { world } = remembering();
    const said: string[] = [];
    const output = {
      say: () => undefined,
      result: (json: unknown, shown: string) => said.push(JSON.stringify(json, null, 2), shown),
    };
    const streams = { out: () => undefined, err: (line: string) => said.push(line) };
    const words = ["secrets", "rotate", name, "--dry-run"];
    await runFleet(words, () => ({ ...world, output }), streams, world.project);
    expect(said.join("\n")).toContain(text);
  });
});
