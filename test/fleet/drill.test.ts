import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Canaries, Entry, LiveKitKey, StartCanaries } from "../../fleet/canaries.ts";
import { drill } from "../../fleet/commands/drill.ts";
import { EXIT } from "../../fleet/exit.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { FakeStacks, fakeWorld, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us"]);
});

afterEach(async () => {
  await regions.stop();
});

class StacksWithKey extends FakeStacks {
  override outputs(): Promise<Readonly<Record<string, unknown>>> {
    const sharedSecrets = { livekitApiKey: "APIkey", livekitApiSecret: "secret" };
    return Promise.resolve({ sharedSecrets });
  }
}

/** Canaries whose outages a test says; their room is in the fake regions. */
class FakeCanaries {
  readonly started: { readonly key: LiveKitKey; readonly entries: readonly Entry[] }[] = [];
  room = "";
  outMs = 900;
  ids = ["RM_1"];
  areApart = false;
  left = 0;

  readonly start: StartCanaries = (key, room, entries) => {
    this.started.push({ key, entries });
    this.room = room;
    regions.get(entries[0]?.region ?? "").rooms.set(room, entries.length);
    const canaries: Canaries = {
      room,
      untilTogether: () =>
        this.areApart ? Promise.reject(new Error("canary-by-us hears nobody")) : Promise.resolve(),
      outs: () => new Map(entries.map(({ region }) => [`canary-by-${region}`, this.outMs])),
      roomIds: () => this.ids,
      leave: () => {
        this.left++;
        return Promise.resolve();
      },
    };
    return Promise.resolve(canaries);
  };
}

/** A fleet in which an evacuated region loses its rooms to us at the first pause. */
function world(options: FakeOptions = {}) {
  return fakeWorld({
    endpoints: regions.endpoints,
    stacks: new StacksWithKey(),
    onSleep: () => {
      const eu = regions.get("eu");
      if (eu.draining !== undefined) {
        for (const [room, people] of eu.rooms) {
          eu.rooms.delete(room);
          regions.get("us").rooms.set(room, people);
        }
      }
    },
    ...options,
  });
}

const RUN = { dryRun: false };

describe("fleet drill room-move", () => {
  it("moves a room of its own there and back, and touches nothing else", async () => {
    regions.get("eu").rooms.set("daily", 4);
    const canaries = new FakeCanaries();
    const { world: it, result } = world();
    expect(await drill(it, "room-move", RUN, canaries.start)).toBe(EXIT.done);
    const { room } = canaries;
    expect(room).toMatch(/^drill-[0-9a-f]{12}$/);
    expect(regions.calls).toEqual([`eu move ${room} us`, `us move ${room} eu`]);
    expect(canaries.started).toEqual([
      {
        key: { apiKey: "APIkey", apiSecret: "secret" },
        entries: [...regions.endpoints].map(([region, url]) => ({ region, url })),
      },
    ]);
    expect(canaries.left).toBe(1);
    expect(result().json).toMatchObject({
      scenario: "room-move",
      worstOutMs: 900,
      targetMs: 2000,
      steps: [{ step: "move from eu to us" }, { step: "move from us to eu" }],
    });
    expect(result().text).toContain("every guarantee was kept; canaries were out for 0.9 s");
  });

  it("stops at the first guarantee that is broken, and its canaries leave", async () => {
    const slow = new FakeCanaries();
    const { world: it } = world({
      onSleep: () => {
        slow.outMs = regions.calls.length > 0 ? 9000 : 0;
      },
    });
    await expect(drill(it, "room-move", RUN, slow.start)).rejects.toThrow(
      'a guarantee is broken at "move from eu to us": out for more than 4 s: canary-by-eu for 9.0 s, canary-by-us for 9.0 s.',
    );
    expect(regions.calls).toHaveLength(1);
    expect(slow.left).toBe(1);
  });

  it("does not take two rooms of one name, a canary that hears nobody, or people in two regions", async () => {
    const split = new FakeCanaries();
    split.ids = ["RM_1", "RM_2"];
    await expect(drill(world().world, "room-move", RUN, split.start)).rejects.toThrow(
      "canaries are in 2 rooms",
    );
    const apart = new FakeCanaries();
    apart.areApart = true;
    await expect(drill(world().world, "room-move", RUN, apart.start)).rejects.toThrow(
      "not together again (canary-by-us hears nobody)",
    );
    const twice = new FakeCanaries();
    const both = world({
      onSleep: () => {
        regions.get("eu").rooms.set(twice.room, 1);
        regions.get("us").rooms.set(twice.room, 1);
      },
    });
    await expect(drill(both.world, "room-move", RUN, twice.start)).rejects.toThrow(
      /people of drill-\w+ are in eu and us, not in eu\./,
    );
    expect(regions.calls).toEqual([]);
  });

  it("ends between two moves when it is interrupted", async () => {
    const canaries = new FakeCanaries();
    const it = world({
      onSleep: () => {
        if (regions.calls.length > 0) {
          it.interrupt();
        }
      },
    });
    await expect(drill(it.world, "room-move", RUN, canaries.start)).rejects.toMatchObject({
      exit: EXIT.notFinished,
    });
    expect(regions.calls).toHaveLength(1);
    expect(canaries.left).toBe(1);
  });
});

describe("fleet drill evacuation", () => {
  it("asks, evacuates, and has the region take rooms again", async () => {
    regions.get("eu").rooms.set("daily", 4);
    const canaries = new FakeCanaries();
    const { world: it, asked, said } = world({ answers: ["yes"] });
    expect(await drill(it, "evacuation", RUN, canaries.start)).toBe(EXIT.done);
    expect(asked.join()).toContain(
      'Region "eu": 1 rooms with 4 people are moved now, for a drill.',
    );
    expect(regions.calls).toEqual(["eu evacuate 600", "eu undrain"]);
    expect([...regions.get("us").rooms.keys()]).toEqual(["daily", canaries.room]);
    expect(said.at(-1)).toBe("eu: takes rooms again");
  });

  it("does nothing without a yes", async () => {
    const canaries = new FakeCanaries();
    await expect(drill(world().world, "evacuation", RUN, canaries.start)).rejects.toMatchObject({
      exit: EXIT.notConfirmed,
    });
    expect(regions.calls).toEqual([]);
    expect(canaries.started).toEqual([]);
  });

  it("has the region take rooms again when a guarantee is broken, too", async () => {
    const canaries = new FakeCanaries();
    canaries.outMs = 0;
    const { world: it } = world({
      yes: true,
      onSleep: () => {
        regions.get("eu").rooms.delete(canaries.room);
        regions.get(regions.calls.length > 0 ? "us" : "eu").rooms.set(canaries.room, 2);
        canaries.outMs = regions.calls.length > 0 ? Infinity : 0;
      },
    });
    await expect(drill(it, "evacuation", RUN, canaries.start)).rejects.toThrow(
      'a guarantee is broken at "evacuation of eu"',
    );
    expect(regions.calls).toEqual(["eu evacuate 600", "eu undrain"]);
    expect(canaries.left).toBe(1);
  });
});

describe("fleet drill of a region that goes away meanwhile", () => {
  it("says both what broke and that the region still takes no rooms", async () => {
    const canaries = new FakeCanaries();
    const { world: it } = world({
      yes: true,
      onSleep: () => {
        const isEvacuated = regions.calls.length > 0;
        regions.get("eu").isAway = isEvacuated;
      },
    });
    await expect(drill(it, "evacuation", RUN, canaries.start)).rejects.toThrow(
      /its gateway has not answered for 30 s.*it still takes no rooms.*Then run fleet undrain eu\.$/,
    );
  });
});

describe("fleet drill", () => {
  it("does nothing to a fleet that is not well, and says everything that is not", async () => {
    regions.get("eu").splitRooms = ["daily"];
    regions.get("us").liveKitUp = false;
    const canaries = new FakeCanaries();
    await expect(drill(world().world, "room-move", RUN, canaries.start)).rejects.toThrow(
      'Drill: nothing was done, because the fleet is not well. Region "eu": rooms are split (daily). Region "us": LiveKit is away. Look at fleet status first.',
    );
    regions.get("us").isAway = true;
    await expect(drill(world().world, "room-move", RUN, canaries.start)).rejects.toThrow(
      'Region "us": its gateway does not answer',
    );
    expect(canaries.started).toEqual([]);
  });

  it("says what it would do with --dry-run", async () => {
    const canaries = new FakeCanaries();
    const { world: it, result } = world();
    await drill(it, "evacuation", { dryRun: true, region: "us" }, canaries.start);
    expect(result().text).toBe(
      "Drill evacuation: us would be evacuated with its 0 rooms with 0 people, and take rooms again.",
    );
    expect(canaries.started).toEqual([]);
    expect(regions.calls).toEqual([]);
  });

  it.each([
    ["region-lost", {}, 'Scenario "region-lost": it is none of room-move, evacuation.'],
    ["room-move", { region: "xx" }, 'Region "xx": it has no Pulumi.xx.yaml.'],
    ["room-move", { to: "eu" }, 'Region "eu": a drill needs another one beside it.'],
  ])("refuses %s with %j", async (scenario, options, sentence) => {
    const failure = drill(world().world, scenario, { ...RUN, ...options });
    await expect(failure).rejects.toThrow(sentence);
    await expect(failure).rejects.toMatchObject({ exit: EXIT.wrongUse });
  });

  it("needs LiveKit's key from the primary's outputs", async () => {
    const { world: it } = world({ stacks: new FakeStacks() });
    await expect(drill(it, "room-move", RUN, new FakeCanaries().start)).rejects.toThrow(
      'Stack "eu": its output sharedSecrets has no LiveKit key that can be read.',
    );
  });
});
