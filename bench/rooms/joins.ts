import { Redis } from "ioredis";
import { createRoom } from "../../rehearsal/clients/server-api.ts";
import { SignalClient } from "../../test/support/livekit/signalling.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import { Meetings } from "../../test/support/rooms/meetings.ts";
import { KEY } from "../../test/support/rooms/rooms-fleet.ts";
import { RUN_KEY } from "../../services/rooms/store/valkey.ts";
import { median } from "../result.ts";
import { figure, percentile95, spread, type Figure } from "./figure.ts";

/** What a join through the gateway costs beside a join without it. */
export async function measureJoins(
  count: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const fleet = await Meetings.start({ regions: ["eu", "us"] });
  try {
    const times = { direct: [], known: [], foreign: [], fresh: [] } as Record<
      "direct" | "known" | "foreign" | "fresh",
      number[]
    >;
    const host = await fleet.joinRaw("eu", "known", "host");
    for (let index = 0; index < count; index++) {
      if (index % 20 === 0) {
        note(`join ${index} of ${count}`);
      }
      const { url } = fleet.region("eu").liveKit;
      const room = `direct-${index}`;
      const token = await joinToken({ key: KEY, room, identity: "ann" });
      const joins = {
        direct: async () => {
          await createRoom(url, KEY, room);
          return SignalClient.join({ url, token });
        },
        known: () => fleet.joinRaw("eu", "known", `near-${index}`),
        foreign: () => fleet.joinRaw("us", "known", `far-${index}`),
        fresh: () => fleet.joinRaw("eu", `fresh-${index}`, "ann"),
      };
      for (const [kind, join] of Object.entries(joins)) {
        const begin = performance.now();
        const client = await join();
        times[kind as keyof typeof joins].push(performance.now() - begin);
        await client.leaveRoom();
      }
    }
    await host.leaveRoom();
    const { direct, known, foreign, fresh } = times;
    const beside = (what: string, values: readonly number[], target?: number): Figure =>
      figure({
        what,
        value: median(values) / median(direct),
        unit: "×",
        ...(target === undefined ? {} : { target }),
        from: `${spread(values)}; without: ${spread(direct)}; 95th percentiles ${(percentile95(values) / percentile95(direct)).toFixed(2)} ×`,
      });
    return [
      beside("join, room known / CreateRoom and a direct join", known, 1.5),
      beside("the same through the other region", foreign),
      beside("join, room new / CreateRoom and a direct join", fresh),
    ];
  } finally {
    await fleet.stop();
  }
}

/** Milliseconds of one way between the regions: about Paris to Virginia. */
const ONE_WAY_MS = 40;

/** What a room's first join costs beside a later one where the regions are far from each other. */
export async function measureFarJoins(
  count: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const fleet = await Meetings.start({ regions: ["eu", "us"] }, (from, to) =>
    (from === "us") === (to === "us") ? 0 : ONE_WAY_MS,
  );
  try {
    const known: number[] = [];
    const roundTrip: number[] = [];
    const host = await fleet.joinRaw("eu", "known", "host");
    const young = await timed(count, note, async (index) => {
      roundTrip.push(await request(fleet));
      known.push(await join(fleet, "known", `near-${index}`));
      return join(fleet, `young-${index}`, "ann");
    });
    await age(fleet.region("eu").redis.url);
    const settled = await timed(count, note, (index) => join(fleet, `settled-${index}`, "ann"));
    await host.leaveRoom();
    const more = (what: string, values: readonly number[], target?: number): Figure =>
      figure({
        what: `join, room new: more than a known one, ${what}`,
        value: (median(values) - median(known)) / median(roundTrip),
        unit: "round trips",
        ...(target === undefined ? {} : { target }),
        from: `${spread(values)}; known: ${spread(known)}; a request between the regions: ${spread(roundTrip)}`,
      });
    return [
      more("the regions' stores older than an hour", settled, 2),
      more("in a store's first hour", young),
    ];
  } finally {
    await fleet.stop();
  }
}

async function timed(
  count: number,
  note: (text: string) => void,
  measure: (index: number) => Promise<number>,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    if (index % 20 === 0) {
      note(`join over a distance ${index} of ${count}`);
    }
    times.push(await measure(index));
  }
  return times;
}

async function join(fleet: Meetings, room: string, identity: string): Promise<number> {
  const begin = performance.now();
  const client = await fleet.joinRaw("eu", room, identity);
  const took = performance.now() - begin;
  await client.leaveRoom();
  return took;
}

async function request(fleet: Meetings): Promise<number> {
  const begin = performance.now();
  await (await fetch(`${fleet.region("us").testUrl}/healthz`)).text();
  return performance.now() - begin;
}

/** Makes a store two hours old: the first hour's caution is over. */
async function age(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    const [id = "", since = ""] = ((await redis.get(RUN_KEY)) ?? "").split(" ");
    await redis.set(RUN_KEY, `${id} ${Number(since) - 7_200_000}`);
  } finally {
    redis.disconnect();
  }
}
