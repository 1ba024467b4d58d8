import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { empty, undrain } from "../../fleet/commands/drain.ts";
import { moveRoom, pinRoom, showRoom } from "../../fleet/commands/room.ts";
import { EXIT } from "../../fleet/exit.ts";
import { FakeRegions } from "./support/fake-regions.ts";
import { fakeWorld, START, type FakeOptions } from "./support/fake-world.ts";

let regions: FakeRegions;

beforeEach(async () => {
  regions = await new FakeRegions().start(["eu", "us"]);
});

afterEach(async () => {
  await regions.stop();
});

function world(options: FakeOptions = {}) {
  return fakeWorld({ endpoints: regions.endpoints, ...options });
}

const WAIT = { wait: true, dryRun: false };

describe("fleet drain", () => {
  it("gives the order, shows how the region empties, and ends once it is empty", async () => {
    const eu = regions.get("eu");
    eu.rooms.set("daily", 4).set("board", 2);
    const onSleep = (): void => {
      const [first] = eu.rooms.keys();
      eu.rooms.delete(first ?? "");
    };
    const { world: it, said, result } = world({ onSleep });
    expect(await empty(it, "drain", "eu", { ...WAIT, deadlineSeconds: 1800 })).toBe(EXIT.done);
    expect(regions.calls).toEqual(["eu drain 1800"]);
    expect(said).toEqual([
      "eu: takes no new rooms; deadline in 30 min",
      "eu: 2 rooms with 6 people left",
      "eu: 1 rooms with 2 people left",
      "eu: empty",
    ]);
    expect(result().text).toContain("fleet undrain eu lets it take some again");
  });

  it("called again, gives no new order and so keeps the deadline", async () => {
    const eu = regions.get("eu");
    eu.draining = { kind: "drain", since: START, deadline: START + 60_000 };
    expect(await empty(world().world, "drain", "eu", WAIT)).toBe(EXIT.done);
    expect(regions.calls).toEqual([]);
  });

  it("takes a new deadline when one is given", async () => {
    regions.get("eu").draining = { kind: "drain", since: START, deadline: START + 60_000 };
    await empty(world().world, "drain", "eu", { ...WAIT, deadlineSeconds: 60 });
    expect(regions.calls).toEqual(["eu drain 60"]);
  });

  it("says when interrupted that the region goes on, and how it is ended", async () => {
    regions.get("eu").rooms.set("daily", 4);
    const it = world({
      onSleep: () => {
        it.interrupt();
      },
    });
    const failure = empty(it.world, "drain", "eu", WAIT);
    await expect(failure).rejects.toThrow(
      /the region goes on by itself.*fleet undrain eu ends it\.$/,
    );
    await expect(failure).rejects.toMatchObject({ exit: EXIT.notFinished });
    expect(regions.get("eu").draining?.kind).toBe("drain");
  });

  it("goes on through a gateway that is away for a moment, and gives up after half a minute", async () => {
    const eu = regions.get("eu");
    eu.rooms.set("daily", 4);
    let sleeps = 0;
    const back = world({
      onSleep: () => {
        eu.isAway = ++sleeps < 5;
        if (sleeps === 6) {
          eu.rooms.clear();
        }
      },
    });
    expect(await empty(back.world, "drain", "eu", WAIT)).toBe(EXIT.done);
    const away = world({
      onSleep: () => {
        eu.isAway = true;
      },
    });
    eu.rooms.set("daily", 4);
    await expect(empty(away.world, "drain", "eu", WAIT)).rejects.toThrow(
      'Region "eu": its gateway has not answered for 30 s.',
    );
  });

  it("says which rooms are left when no region could take them by the deadline", async () => {
    const eu = regions.get("eu");
    eu.rooms.set("daily", 4);
    const onSleep = (): void => {
      if (eu.draining !== undefined) {
        eu.draining = { ...eu.draining, left: ["daily"] };
      }
    };
    await expect(
      empty(world({ onSleep }).world, "drain", "eu", { ...WAIT, deadlineSeconds: 60 }),
    ).rejects.toThrow('Region "eu": 1 rooms are left (daily) after the deadline');
  });

  it("stops when somebody undrains the region meanwhile", async () => {
    const eu = regions.get("eu");
    eu.rooms.set("daily", 4);
    const onSleep = (): void => {
      eu.draining = undefined;
    };
    await expect(empty(world({ onSleep }).world, "drain", "eu", WAIT)).rejects.toThrow(
      'Region "eu": somebody has it take rooms again; 1 are there.',
    );
  });

  it("asks before the last region that answers takes no rooms any more", async () => {
    regions.get("us").isAway = true;
    const { world: it } = world();
    const failure = empty(it, "drain", "eu", WAIT);
    await expect(failure).rejects.toThrow("it reaches no other region");
    await expect(failure).rejects.toMatchObject({ exit: EXIT.notConfirmed });
    expect(regions.calls).toEqual([]);
  });

  it("does nothing with --dry-run", async () => {
    regions.get("eu").rooms.set("daily", 4);
    const { world: it, result } = world();
    await empty(it, "drain", "eu", { ...WAIT, dryRun: true });
    expect(result().text).toBe("Region eu would be drained; it hosts 1 rooms with 4 people.");
    expect(regions.calls).toEqual([]);
  });
});

describe("fleet evacuate", () => {
  it("asks, because people notice it", async () => {
    regions.get("eu").rooms.set("daily", 4);
    const { world: it, asked } = world({ answers: ["no"] });
    await expect(empty(it, "evacuation", "eu", WAIT)).rejects.toThrow('"no" is not yes');
    expect(asked.join()).toContain('Region "eu": 1 rooms with 4 people are moved now.');
    expect(regions.calls).toEqual([]);
  });

  it("shows how many rooms are moved", async () => {
    const eu = regions.get("eu");
    eu.rooms.set("daily", 4).set("board", 2);
    const onSleep = (): void => {
      const [first] = eu.rooms.keys();
      eu.rooms.delete(first ?? "");
      if (eu.draining !== undefined) {
        eu.draining = { ...eu.draining, done: 2 - eu.rooms.size, of: 2 };
      }
    };
    const { world: it, said } = world({ yes: true, onSleep });
    expect(await empty(it, "evacuation", "eu", WAIT)).toBe(EXIT.done);
    expect(regions.calls).toEqual(["eu evacuate 600"]);
    expect(said).toContain("eu: 1 rooms with 2 people left, 1 of 2 moved");
  });
});

describe("fleet undrain", () => {
  it("lets the region take rooms again, and says so when it does already", async () => {
    regions.get("eu").draining = { kind: "drain", since: START, deadline: START };
    const first = world();
    expect(await undrain(first.world, "eu", false)).toBe(EXIT.done);
    expect(regions.calls).toEqual(["eu undrain"]);
    const second = world();
    await undrain(second.world, "eu", false);
    expect(second.result().text).toBe("Region eu takes rooms; there is nothing to do.");
    expect(regions.calls).toEqual(["eu undrain"]);
  });
});

describe("fleet room", () => {
  it("shows where a room is, also by another region when the first is away", async () => {
    regions.get("us").rooms.set("daily", 3);
    regions.get("eu").isAway = true;
    const { world: it, result } = world();
    expect(await showRoom(it, "daily")).toBe(EXIT.done);
    expect(result().text.split("\n")).toEqual([
      "Room daily is in us.",
      "  us: says us hosts it (epoch 1, open, by join); 3 people connected here",
      "  eu: unreachable",
    ]);
    expect(result().json).toMatchObject({ host: "us" });
  });

  it("moves a room by its host's gateway, after a question", async () => {
    regions.get("us").rooms.set("daily", 3);
    const { world: it, asked, result } = world({ answers: ["yes"] });
    expect(await moveRoom(it, "daily", { to: "eu", dryRun: false })).toBe(EXIT.done);
    expect(asked.join()).toContain("3 people are moved from us to eu");
    expect(regions.calls).toEqual(["us move daily eu"]);
    expect(result().text).toBe("Room daily is in eu now.");
  });

  it("called again, says that the room is there already", async () => {
    regions.get("eu").rooms.set("daily", 3);
    const { world: it, result } = world();
    expect(await moveRoom(it, "daily", { to: "eu", dryRun: false })).toBe(EXIT.done);
    expect(result().json).toEqual({ room: "daily", region: "eu", moved: false });
    expect(regions.calls).toEqual([]);
  });

  it("refuses to move a room that is in no region, and says what to do", async () => {
    await expect(moveRoom(world().world, "daily", { to: "eu", dryRun: false })).rejects.toThrow(
      'Room "daily": no meeting runs in it. Use fleet room pin daily --to eu for its next one.',
    );
  });

  it("pins a room whatever is in its name, and says who was not told", async () => {
    const name = "Grüße / 100 %";
    regions.get("us").isAway = true;
    const { world: it, result } = world();
    await pinRoom(it, name, { to: "us", dryRun: false });
    expect(regions.pins).toEqual(new Map([[name, "us"]]));
    expect(result().text).toBe(
      "Room Grüße / 100 %: its next meeting is in us. Not told yet: us; they learn it when they are back.",
    );
  });

  it("takes a pin back", async () => {
    regions.pins.set("daily", "us");
    await pinRoom(world().world, "daily", { dryRun: false });
    expect(regions.pins.size).toBe(0);
  });

  it("does nothing with --dry-run", async () => {
    regions.get("us").rooms.set("daily", 3);
    await moveRoom(world().world, "daily", { to: "eu", dryRun: true });
    await pinRoom(world().world, "daily", { to: "eu", dryRun: true });
    expect(regions.calls).toEqual([]);
  });
});
