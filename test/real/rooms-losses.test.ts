import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { roomPath } from "../../services/rooms/admin/admin-request.ts";
import {
  Meetings,
  outLimitMs,
  report,
  stretched,
  type Meeting,
  type Outs,
} from "../support/rooms/meetings.ts";
import { operate } from "../support/rooms/operator.ts";

/** A region loses its LiveKit or its Redis while people meet in it: they meet on in another one. */
const REGIONS = ["eu", "us"] as const;

/** Seconds for which LiveKit keeps signalling without Redis, and for which it is away here. */
const LIVEKIT_BEARS_SECONDS = 9;
const REDIS_AWAY_SECONDS = 60;

/**
 * Seconds within which what is left of a moved room is deleted. It is looked for every five; who was connected when the
 * store was lost is believed to be there for thirty.
 */
const LEFTOVERS_SECONDS = 40;

/** Seconds within which gateways see that their store answers again (0.6 s measured on an idle machine). */
const WELL_AGAIN_SECONDS = 10;

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

function expectShort({ worst }: Outs): void {
  expect(worst).toBeLessThanOrEqual(outLimitMs());
}

async function untilBack(meetings: readonly Meeting[], since: number, seconds = 20): Promise<void> {
  await Promise.all(meetings.map((meeting) => meeting.untilBack(since, seconds)));
  // Whoever is really back goes on to be heard.
  await sleep(500);
}

async function expectHostedBy(region: string, meetings: readonly Meeting[]): Promise<void> {
  for (const meeting of meetings) {
    // What is left of a room in the region that lost it is deleted within some seconds.
    await expect
      .poll(() => fleet.hosts(meeting.room), { timeout: LEFTOVERS_SECONDS * 1000 })
      .toEqual([region]);
    expect(meeting.sids()).toHaveLength(1);
  }
}

/** Every gateway of the region says that new rooms may come. */
async function isWell(region: string): Promise<void> {
  const { pods } = fleet.region(region);
  await expect
    .poll(
      () => Promise.all(pods.map(async ({ url }) => (await fetch(`${url}/region-health`)).status)),
      {
        timeout: WELL_AGAIN_SECONDS * 1000,
      },
    )
    .toEqual(pods.map(() => 200));
}

describe("all LiveKit of the hosting region", () => {
  it("is killed: everybody meets on in the other region, and nothing moves back", async () => {
    const rooms = Array.from({ length: 4 }, (_, index) => `killed-${index}`);
    const meetings = await Promise.all(rooms.map((room) => fleet.meet(room, ["eu", "us"])));
    await expectHostedBy("eu", meetings);
    const since = Date.now();
    await fleet.region("eu").liveKit.kill();
    await untilBack(meetings, since);
    expectShort(report("LiveKit killed, 4 rooms", meetings, since));
    await expectHostedBy("us", meetings);

    const returned = Date.now();
    await fleet.region("eu").liveKit.start();
    // Redis remembers the rooms of the LiveKit that died: they are left over, and nobody is in them.
    await expect
      .poll(async () => (await fleet.rooms("eu")).map(({ name }) => name), { timeout: 20_000 })
      .toEqual([]);
    console.log(`left-over rooms deleted ${Date.now() - returned} ms after LiveKit was back`);
    await sleep(1000);
    await expectHostedBy("us", meetings);
    expect(meetings.map((meeting) => meeting.resignals(returned))).toEqual([0, 0, 0, 0]);
    await Promise.all(meetings.map((meeting) => meeting.leave()));
  });

  it("is killed 8 s after the room came there: nobody resumes into the session left behind", async () => {
    const meeting = await fleet.meet("there-and-back", ["eu", "us"]);
    await expectHostedBy("eu", [meeting]);
    const moved = Date.now();
    const order = { path: roomPath(meeting.room, "move"), body: { region: "us" } };
    const answer = await operate(fleet.region("eu"), { method: "POST", ...order });
    expect(answer).toMatchObject({ status: 200 });
    await untilBack([meeting], moved);
    expectShort(report("moved", [meeting], moved));
    await expectHostedBy("us", [meeting]);
    await sleep(Math.max(0, moved + 8000 - Date.now()));

    const since = Date.now();
    await fleet.region("us").liveKit.kill();
    await untilBack([meeting], since);
    expectShort(report("LiveKit killed 8 s after the move", [meeting], since));
    await expectHostedBy("eu", [meeting]);
    // Who had been let into the dead session was thrown out 12 s later (DisconnectReason STATE_MISMATCH).
    const heard = Date.now();
    await sleep(15_000);
    expect(meeting.gap(heard)).toBeLessThan(stretched(1000));
    expect(meeting.people.map(({ disconnected }) => disconnected)).toEqual([undefined, undefined]);
    await fleet.region("us").liveKit.start();
    await meeting.leave();
  });
});

describe("Redis of the hosting region", () => {
  it("is away for longer than LiveKit bears: everybody meets on in the other region", async () => {
    const meetings = await Promise.all(
      ["away-0", "away-1", "away-2", "away-3"].map((room) => fleet.meet(room, ["eu", "us"])),
    );
    await expectHostedBy("eu", meetings);
    const since = Date.now();
    fleet.region("eu").redis.pause();
    // Who is known goes on; who comes now is placed by the region that has a store.
    const late = await fleet.joinNode("eu", "away-new", "late");
    console.log(`joined a new room ${Date.now() - since} ms after Redis of the entry was gone`);
    await untilBack(meetings, since, LIVEKIT_BEARS_SECONDS + 15);
    expectShort(report("Redis away", meetings, since));
    await sleep(Math.max(0, since + REDIS_AWAY_SECONDS * 1000 - Date.now()));
    const returned = Date.now();
    fleet.region("eu").redis.resume();
    await expectHostedBy("us", meetings);
    console.log(`left-over rooms deleted ${Date.now() - returned} ms after Redis was back`);
    // Until the gateways have seen their store again, the region takes no new rooms.
    await isWell("eu");
    for (const meeting of meetings) {
      const names = meeting.people.map(({ identity }) => identity).sort();
      expect(await fleet.people(meeting.room)).toEqual({ us: names });
      expect(meeting.resignals(returned)).toBe(0);
    }
    await Promise.all([...meetings.map((meeting) => meeting.leave()), late.leave()]);
  });

  it("is back empty: everybody is in one room again, and newcomers find it", async () => {
    const meetings = await Promise.all(
      ["empty-0", "empty-1", "empty-2"].map((room) => fleet.meet(room, ["eu", "us"])),
    );
    await expectHostedBy("eu", meetings);
    const since = Date.now();
    await fleet.region("eu").redis.restartEmpty();
    await sleep(12_000);
    await Promise.all(meetings.map((meeting) => meeting.untilAllHear(Date.now())));
    await sleep(500);
    expectShort(report("Redis back empty", meetings, since));
    for (const [index, { room, people }] of meetings.entries()) {
      const guests = await Promise.all(
        REGIONS.map((via) => fleet.joinRaw(via, room, `guest-${index}-${via}`)),
      );
      const names = people.map(({ identity }) => identity);
      await Promise.all(
        guests.map((guest, at) =>
          guest.untilOthers([...names, `guest-${index}-${REGIONS[1 - at] ?? ""}`]),
        ),
      );
      expect(Object.keys(await fleet.people(room))).toHaveLength(1);
      await Promise.all(guests.map((guest) => guest.leaveRoom()));
    }
    await Promise.all(meetings.map((meeting) => meeting.leave()));
  });
});
