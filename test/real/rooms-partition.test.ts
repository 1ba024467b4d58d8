import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CLIENTS, TEST } from "../../rehearsal/network/partition.ts";
import { Meeting, Meetings, report, stretched } from "../support/rooms/meetings.ts";

/** A region is cut off from the others, with people who still reach it; then it is back. */
const REGIONS = ["ap", "eu", "us"] as const;
const ROOMS = 3;

/** Seconds within which the two halves of a meeting are one again. */
const HEALED_SECONDS = 10;

/** Seconds within which nothing is left of the losing half: two rounds of looking for left-overs, and the first again. */
const CLEAN_SECONDS = 20;

let fleet: Meetings;
let logged = 0;

beforeAll(async () => {
  fleet = await Meetings.start({ regions: REGIONS });
});

afterAll(async () => {
  await fleet.stop();
});

beforeEach(() => {
  logged = fleet.fleet.logs().length;
});

afterEach(async ({ task }) => {
  if (task.result?.state === "fail") {
    console.log(fleet.fleet.logs().slice(logged).slice(-8000));
    await fleet.restore();
  }
});

/** Waits until LiveKit of exactly one region has these people, all of them, and no other has anybody. */
async function untilTogether(meeting: Meeting, seconds: number): Promise<string> {
  const names = meeting.people.map(({ identity }) => identity).sort();
  const begun = Date.now();
  for (;;) {
    const there = await fleet.people(meeting.room);
    const [region, ...others] = Object.entries(there);
    if (region !== undefined && others.length === 0 && region[1].join() === names.join()) {
      return region[0];
    }
    if (Date.now() - begun > seconds * 1000) {
      throw new Error(
        `${meeting.room} is not together after ${seconds} s: ${JSON.stringify(there)}; hosted by ${String(await fleet.hosts(meeting.room))}; ${meeting.story(begun)}`,
      );
    }
    await sleep(50);
  }
}

describe("the region that hosts meetings", () => {
  it("is cut off and comes back: the two halves of each meeting find together", async () => {
    const rooms = Array.from({ length: ROOMS }, (_, index) => `split-${index}`);
    const meetings = await Promise.all(
      rooms.map((room) => fleet.meet(room, ["eu", "us", "ap", "us"])),
    );
    for (const meeting of meetings) {
      expect(await untilTogether(meeting, 5)).toBe("eu");
    }
    const found = await fleet.counter("rooms_splits_found_total");

    const cut = Date.now();
    await fleet.network.isolate("eu", { except: [CLIENTS, TEST] });
    const halves = meetings.map(({ room, people: [first, ...rest] }) => ({
      stayed: first === undefined ? [] : [first.identity],
      left: new Meeting(room, rest),
    }));
    await Promise.all(halves.map(({ left }) => left.untilBack(cut, 40)));
    const lost = halves.map(({ left }) => left);
    await sleep(500);
    report("cut off in silence: those beyond", lost, cut);
    console.log(`the others met again ${Date.now() - cut} ms after the cut, or sooner`);
    for (const { stayed, left } of halves) {
      const there = await fleet.people(left.room);
      expect(there["eu"]).toEqual(expect.arrayContaining(stayed));
      expect(Object.keys(there)).toHaveLength(2);
    }

    const healed = Date.now();
    await fleet.network.heal();
    const limit = stretched(HEALED_SECONDS);
    await Promise.all(meetings.map((meeting) => meeting.untilAllHear(healed, limit)));
    const together = Date.now() - healed;
    const regions = await Promise.all(
      meetings.map((meeting) => untilTogether(meeting, stretched(CLEAN_SECONDS))),
    );
    console.log(
      `split healed: all hear each other after ${together} ms, in ${regions.join(", ")} alone after ${Date.now() - healed} ms`,
    );
    expect(together).toBeLessThanOrEqual(limit * 1000);
    expect(await fleet.counter("rooms_splits_found_total")).toBeGreaterThan(found);
    expect(await fleet.counter("rooms_splits_healed_total")).toBeGreaterThan(0);
    // Nobody is moved about after that.
    const settled = Date.now();
    await sleep(5000);
    expect(meetings.map((meeting) => meeting.resignals(settled))).toEqual([0, 0, 0]);
    for (const meeting of meetings) {
      expect(meeting.people.every(({ disconnected }) => disconnected === undefined)).toBe(true);
      expect(await fleet.hosts(meeting.room)).toHaveLength(1);
    }
    await Promise.all(meetings.map((meeting) => meeting.leave()));
  });

  it("loses its line to one other region alone: its people come through the third", async () => {
    const meeting = await fleet.meet("one-line", ["eu", "us"]);
    expect(await untilTogether(meeting, 5)).toBe("eu");
    const cut = Date.now();
    await fleet.network.cut("eu", "us");
    await meeting.people[1]?.untilHears([meeting.people[0]?.identity ?? ""], { after: cut });
    await fleet.nodes.until(
      () => meeting.people[1]?.notes("reconnected").find(({ at }) => at >= cut),
      "the way through the third region",
      30,
    );
    await meeting.untilAllHear(Date.now());
    expect(await fleet.hosts(meeting.room)).toEqual(["eu"]);
    report("one line cut", [meeting], cut);
    await fleet.network.heal();
    await meeting.leave();
  });
});
