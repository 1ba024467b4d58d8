import { setTimeout as sleep } from "node:timers/promises";
import { startRedis } from "../../rehearsal/processes/redis.ts";
import { startLiveKit } from "../../test/support/livekit/livekit.ts";
import { createRoom } from "../../rehearsal/clients/server-api.ts";
import { Meeting, Meetings } from "../../test/support/rooms/meetings.ts";
import { operate } from "../../test/support/rooms/operator.ts";
import { KEY } from "../../test/support/rooms/rooms-fleet.ts";
import { median } from "../result.ts";
import { figure, percentile95, spread, type Figure } from "./figure.ts";

const ROOMS = 3;

/** Seconds within which people are back, even without a gateway. */
const BACK_SECONDS = 30;

/** How long Node clients are out with the gateway, beside one plain LiveKit that is killed and started at once. */
export async function measureRecovery(
  rounds: number,
  note: (text: string) => void,
): Promise<readonly Figure[]> {
  const fleet = await Meetings.start({ regions: ["eu", "us"] });
  const place = fleet.network.place("us");
  const redis = await startRedis({ place });
  const plain = await startLiveKit({ place, region: "plain", redis, key: KEY });
  const outs = { plain: [] as number[], killed: [] as number[], evacuated: [] as number[] };
  try {
    for (let round = 0; round < rounds; round++) {
      note(`recovery, round ${round + 1} of ${rounds}: a plain LiveKit`);
      const alone = await plainMeetings(fleet, plain.url, round);
      outs.plain.push(
        ...(await interrupt(alone, async () => {
          await plain.process.kill();
          await plain.process.start();
        })),
      );
      note(`recovery, round ${round + 1} of ${rounds}: the hosting LiveKit`);
      const eu = fleet.region("eu");
      const killed = await meetings(fleet, `killed-${round}`);
      outs.killed.push(...(await interrupt(killed, () => eu.liveKit.kill())));
      await eu.liveKit.start();
      // A LiveKit that is back within five seconds still finds its dead self in Redis.
      await sleep(8000);
      note(`recovery, round ${round + 1} of ${rounds}: an evacuation`);
      const evacuated = await meetings(fleet, `evacuated-${round}`);
      const body = { deadlineSeconds: 600 };
      outs.evacuated.push(
        ...(await interrupt(evacuated, () =>
          operate(eu, { method: "POST", path: "evacuate", body }),
        )),
      );
      await operate(eu, { method: "POST", path: "undrain" });
      await sleep(3000);
    }
    const beside = (what: string, values: readonly number[]): Figure =>
      figure({
        what: `${what} / a plain LiveKit killed and started at once (Node)`,
        value: median(values) / median(outs.plain),
        unit: "×",
        target: 0.3,
        from: `${spread(values)}; plain: ${spread(outs.plain)}; 95th percentiles ${(percentile95(values) / percentile95(outs.plain)).toFixed(2)} ×`,
      });
    return [beside("hosting LiveKit killed", outs.killed), beside("evacuation", outs.evacuated)];
  } finally {
    await plain.process.kill();
    await redis.process.kill();
    await fleet.stop();
  }
}

function meetings(fleet: Meetings, name: string): Promise<readonly Meeting[]> {
  const names = Array.from({ length: ROOMS }, (_, index) => `${name}-${index}`);
  return Promise.all(names.map((room) => fleet.meet(room, ["eu", "us"])));
}

function plainMeetings(fleet: Meetings, url: string, round: number): Promise<readonly Meeting[]> {
  return Promise.all(
    Array.from({ length: ROOMS }, async (_, index) => {
      const room = `plain-${round}-${index}`;
      await createRoom(url, KEY, room);
      const people = [
        await fleet.joinNode("eu", room, `${room}-ann`, { url }),
        await fleet.joinNode("eu", room, `${room}-ben`, { url }),
      ];
      const meeting = new Meeting(room, people);
      await meeting.untilAllHear(Date.now());
      return meeting;
    }),
  );
}

/** Interrupts meetings, and gives how long each of their people was out; those who never came back are left out. */
async function interrupt(
  all: readonly Meeting[],
  how: () => Promise<unknown>,
): Promise<readonly number[]> {
  await sleep(1000);
  const since = Date.now();
  await how();
  const back = await Promise.allSettled(
    all.map((meeting) => meeting.untilBack(since, BACK_SECONDS)),
  );
  await sleep(500);
  const outs = all.flatMap((meeting, index) =>
    back[index]?.status === "fulfilled" ? meeting.outs(since) : [],
  );
  await Promise.all(all.map((meeting) => meeting.leave()));
  return outs;
}
