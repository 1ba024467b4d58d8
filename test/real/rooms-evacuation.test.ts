import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { twirp } from "../../rehearsal/clients/server-api.ts";
import type { SignalClient } from "../support/livekit/signalling.ts";
import { Meetings, outLimitMs, report, type Meeting } from "../support/rooms/meetings.ts";
import { operate } from "../support/rooms/operator.ts";
import { KEY } from "../support/rooms/rooms-fleet.ts";

/** A region is emptied while twenty meetings run in it, and Meet is not there to hear of what ends meanwhile. */
const REGIONS = ["eu", "us"] as const;
const ROOMS = 20;

/** Of these, rooms of people whose library brings them back; in the others people come back by hand. */
const NODE_ROOMS = 4;
const ENDING = 3;

/** Seconds for which LiveKit itself would keep a webhook. */
const LIVEKIT_KEEPS_SECONDS = 30;

let fleet: Meetings;
let meetings: readonly Meeting[] = [];
let awaySince = 0;
let logged = 0;

const ending = Array.from({ length: ENDING }, (_, index) => `ending-${index}`);

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

const api = (via: string, method: string, body: Readonly<Record<string, unknown>>) =>
  twirp(fleet.region(via).testUrl, KEY, `RoomService/${method}`, body);

/** What Meet was told of rooms, each event with the number of times. */
function told(
  rooms: readonly string[],
  events: readonly string[],
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { event } of fleet.webhooks.received) {
    const room = event?.room?.name ?? "";
    if (event !== undefined && rooms.includes(room) && events.includes(event.event)) {
      const line = `${room} ${event.event}`;
      counts[line] = (counts[line] ?? 0) + 1;
    }
  }
  return counts;
}

const once = (rooms: readonly string[], event: string): Readonly<Record<string, number>> =>
  Object.fromEntries(rooms.map((room) => [`${room} ${event}`, 1]));

describe("Meet", () => {
  it("goes away while rooms end", async () => {
    for (const room of ending) {
      const meeting = await fleet.meet(room, ["eu", "us"]);
      expect(await fleet.hosts(room)).toEqual(["eu"]);
      await fleet.webhooks.become("away");
      awaySince ||= Date.now();
      const { status } = await api("us", "DeleteRoom", { room });
      expect(status).toBe(200);
      await meeting.leave();
    }
    expect(fleet.webhooks.refused).toEqual([]);
  });
});

describe("an evacuation", () => {
  it("moves twenty meetings with what was said about them, and nobody is out for long", async () => {
    const rooms = Array.from({ length: ROOMS }, (_, index) => `evacuated-${index}`);
    meetings = await Promise.all(
      rooms.slice(0, NODE_ROOMS).map((room) => fleet.meet(room, ["eu", "us"])),
    );
    const pairs = rooms.slice(NODE_ROOMS);
    const join = async (room: string): Promise<readonly SignalClient[]> => [
      await fleet.joinRaw("eu", room, "raw-eu"),
      await fleet.joinRaw("us", room, "raw-us"),
    ];
    const before = await Promise.all(pairs.map(join));
    expect((await fleet.rooms("us")).map(({ name }) => name)).toEqual([]);
    for (const room of rooms) {
      const metadata = JSON.stringify({ room });
      const { status } = await api("us", "UpdateRoomMetadata", { room, metadata });
      expect([room, status]).toEqual([room, 200]);
    }
    const since = Date.now();
    const order = { method: "POST", path: "evacuate", body: { deadlineSeconds: 60 } } as const;
    expect(await operate(fleet.region("eu"), order)).toMatchObject({ status: 202 });
    await Promise.all(meetings.map((meeting) => meeting.untilBack(since, 40)));
    const closed = await Promise.all(before.flat().map((client) => client.closed));
    // Without a closing frame, which would keep a client from coming back at once.
    expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([1006]));
    const all = Math.max(Date.now(), ...closed.map(({ at }) => at)) - since;
    const after = await Promise.all(pairs.map(join));
    await sleep(500);
    const { worst } = report("evacuation of 20 rooms", meetings, since);
    console.log(`all were there ${all} ms after the order`);
    expect(worst).toBeLessThanOrEqual(outLimitMs());

    const there = new Map((await fleet.rooms("us")).map((room) => [room.name, room]));
    for (const meeting of meetings) {
      const found = there.get(meeting.room);
      expect(found?.metadata).toBe(JSON.stringify({ room: meeting.room }));
      expect(meeting.sids()).toEqual([found?.sid]);
    }
    for (const [index, clients] of after.entries()) {
      const found = there.get(pairs[index] ?? "");
      expect(found?.metadata).toBe(JSON.stringify({ room: pairs[index] }));
      expect(clients.map(({ roomSid }) => roomSid)).toEqual([found?.sid, found?.sid]);
    }
    await Promise.all(after.flat().map((client) => client.leaveRoom()));
    await expect
      .poll(async () => (await fleet.rooms("eu")).map(({ name }) => name), { timeout: 20_000 })
      .toEqual([]);
    const status = await operate(fleet.region("eu"), { method: "GET", path: "status" });
    expect(status.body).toMatchObject({ draining: { kind: "evacuation", done: ROOMS }, rooms: 0 });
  });

  it("leaves a region that takes no new meeting, until it is told to", async () => {
    const anna = await fleet.joinRaw("eu", "while-empty", "anna");
    expect(await fleet.hosts("while-empty")).toEqual(["us"]);
    await operate(fleet.region("eu"), { method: "POST", path: "undrain" });
    await sleep(1500);
    const ben = await fleet.joinRaw("eu", "after-it", "ben");
    expect(await fleet.hosts("after-it")).toEqual(["eu"]);
    await Promise.all([anna.leaveRoom(), ben.leaveRoom()]);
  });
});

describe("a drain", () => {
  it("leaves meetings where they are until its time is over", async () => {
    const meeting = await fleet.meet("drained", ["eu", "us"]);
    expect(await fleet.hosts("drained")).toEqual(["eu"]);
    const since = Date.now();
    const order = { method: "POST", path: "drain", body: { deadlineSeconds: 6 } } as const;
    expect(await operate(fleet.region("eu"), order)).toMatchObject({ status: 202 });
    await sleep(1500);
    const anna = await fleet.joinRaw("eu", "while-drained", "anna");
    expect(await fleet.hosts("while-drained")).toEqual(["us"]);
    const ben = await fleet.joinRaw("eu", "drained", "ben");
    expect(await fleet.hosts("drained")).toEqual(["eu"]);
    expect(Date.now() - since).toBeLessThan(6000);
    expect(meeting.resignals(since)).toBe(0);
    await ben.leaveRoom();
    await meeting.untilBack(since, 30);
    await sleep(500);
    const { worst } = report("a drain whose time was over", [meeting], since);
    expect(worst).toBeLessThanOrEqual(outLimitMs());
    await expect.poll(() => fleet.hosts("drained"), { timeout: 15_000 }).toEqual(["us"]);
    await operate(fleet.region("eu"), { method: "POST", path: "undrain" });
    await Promise.all([meeting.leave(), anna.leaveRoom()]);
  });
});

describe("Meet again", () => {
  it("is back after longer than LiveKit keeps a webhook, and hears of everything once", async () => {
    await sleep(Math.max(0, awaySince + (LIVEKIT_KEEPS_SECONDS + 5) * 1000 - Date.now()));
    const before = fleet.webhooks.received.length;
    const returned = Date.now();
    console.log(`Meet was away for ${returned - awaySince} ms`);
    await fleet.webhooks.become("well");
    const finished = (): Readonly<Record<string, number>> => told(ending, ["room_finished"]);
    await expect.poll(finished, { timeout: 30_000 }).toEqual(once(ending, "room_finished"));
    console.log(`told of every room's end ${Date.now() - returned} ms after it was back`);
    expect(told(ending, ["room_started"])).toEqual(once(ending, "room_started"));
    const left = told(ending, ["participant_left"]);
    expect(Object.values(left)).toEqual(ending.map(() => 2));

    // What only moved has neither ended nor begun.
    const moved = [...meetings.map(({ room }) => room), "drained"];
    await expect
      .poll(() => told(moved, ["room_started"]), { timeout: 10_000 })
      .toEqual(once(moved, "room_started"));
    await sleep(2000);
    expect(
      told(
        meetings.map(({ room }) => room),
        ["room_finished"],
      ),
    ).toEqual({});
    const ids = fleet.webhooks.received.map(({ event }) => event?.id);
    expect(ids.length).toBeGreaterThan(before);
    expect(new Set(ids).size).toBe(ids.length);
    expect(fleet.webhooks.refused).toEqual([]);
    await Promise.all(meetings.map((meeting) => meeting.leave()));
  });
});
