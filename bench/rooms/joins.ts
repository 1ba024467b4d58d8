import { createRoom } from "../../rehearsal/clients/server-api.ts";
import { SignalClient } from "../../test/support/livekit/signalling.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import { Meetings } from "../../test/support/rooms/meetings.ts";
import { KEY } from "../../test/support/rooms/rooms-fleet.ts";
import { median } from "../result.ts";
import { figure, percentile95, spread, type Figure } from "./figure.ts";

/** What a join through the gateway costs beside a join without it. */
export async function measureJoins(
  count: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const fleet = await Meetings.start({ regions: ["eu", "us"] });
  try {
    const times = { direct: [], known: [], foreign: [], fresh: [], roundTrip: [] } as Record<
      "direct" | "known" | "foreign" | "fresh" | "roundTrip",
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
      const begin = performance.now();
      await (await fetch(`${fleet.region("us").testUrl}/healthz`)).text();
      times.roundTrip.push(performance.now() - begin);
    }
    await host.leaveRoom();
    const { direct, known, foreign, fresh, roundTrip } = times;
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
      figure({
        what: "join, room new: more than a known one, in requests between regions",
        value: (median(fresh) - median(known)) / median(roundTrip),
        unit: "round trips",
        target: 2,
        from: `a request: ${spread(roundTrip)}; a store of less than an hour makes every new room thoroughly clean`,
      }),
    ];
  } finally {
    await fleet.stop();
  }
}
