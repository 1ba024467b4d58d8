import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import type { RtcNodeParticipant } from "../../rehearsal/clients/rtc-node.ts";
import {
  becomes,
  fleet,
  hosts,
  joinNode,
  joinRaw,
  REGIONS,
  statuses,
} from "../support/rooms/client-world.ts";
import { operate, replaceSecrets } from "../support/rooms/operator.ts";
import type { FleetRegion } from "../support/rooms/rooms-fleet.ts";
import {
  FILES_SECONDS,
  LIVEKIT_FORGETS_SECONDS,
  NEXT_KEY,
  NEXT_OPERATOR,
} from "./rooms-clients-keys.ts";

/** What takes the place of Valkey's password while a meeting runs. */
export const NEXT_PASSWORD = "the-next-password-of-redis";

/** Runs a command on a region's store. @throws what the store answers */
async function onStore(
  { redis: { host, port, password: first = "" } }: FleetRegion,
  command: readonly [string, ...string[]],
  password = first,
): Promise<unknown> {
  const client = new Redis({
    ...{ host, port, lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null },
  });
  try {
    await client.connect();
    // By hand, because the library would hide the store's answer.
    await client.call("AUTH", password);
    const [name, ...args] = command;
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

/**
 * Part of rooms-clients.test.ts, after its keys: `fleet secrets rotate valkey` as it goes through the regions. Redis
 * takes two passwords and then one as ElastiCache does with ROTATE and SET (ElastiCache user guide, auth); what
 * ElastiCache does with connections that are open is not shown: here all are cut when the old password goes.
 */
export function valkeyRotates(): void {
  describe("the password of each region's store", () => {
    const room = "rotation-of-the-store";
    let people: readonly RtcNodeParticipant[];

    const allHear = async (after: number): Promise<void> => {
      const [anna, ben] = people;
      await Promise.all([
        anna?.untilHears(["ben"], { after }),
        ben?.untilHears(["anna"], { after }),
      ]);
    };

    /** Somebody comes in through each region, is where the others are, and leaves. */
    const guests = async (when: string): Promise<void> => {
      for (const via of REGIONS) {
        const identity = `${when}-${via}`;
        const guest = await joinRaw({ via, room, identity, key: NEXT_KEY });
        await guest.untilOthers(["anna", "ben"]);
        await guest.leaveRoom();
      }
    };

    const order = async (region: FleetRegion, path: "evacuate" | "undrain"): Promise<void> => {
      const body = path === "evacuate" ? { body: { deadlineSeconds: 600 } } : {};
      const { status } = await operate(region, { method: "POST", path, ...body }, NEXT_OPERATOR);
      expect(status).toBe(path === "evacuate" ? 202 : 200);
    };

    it("is made anew region by region, each while it is empty, and the meeting goes on", async () => {
      people = await Promise.all([
        joinNode({ via: "eu", room, identity: "anna", key: NEXT_KEY }),
        joinNode({ via: "us", room, identity: "ben", key: NEXT_KEY }),
      ]);
      await allHear(Date.now());
      for (const name of REGIONS) {
        const region = fleet.region(name);
        await order(region, "evacuate");
        await expect.poll(() => hosts(room), { timeout: 10_000 }).not.toContain(name);
        await allHear(Date.now());
        await expect(onStore(region, ["PING"], NEXT_PASSWORD)).rejects.toThrow("WRONGPASS");
        await onStore(region, ["ACL", "SETUSER", "default", `>${NEXT_PASSWORD}`]);
        const both = [onStore(region, ["PING"]), onStore(region, ["PING"], NEXT_PASSWORD)];
        expect(await Promise.all(both)).toEqual(["PONG", "PONG"]);
        const url = new URL(region.redis.url);
        url.password = NEXT_PASSWORD;
        replaceSecrets(region, { "valkey-url": url.href });
        await region.liveKit.kill();
        await region.liveKit.start(NEXT_KEY, NEXT_PASSWORD);
        await sleep(LIVEKIT_FORGETS_SECONDS * 1000);
        await order(region, "undrain");
        await becomes(() => statuses(region, "/region-health"), [200, 200]);
        await guests(`while-${name}`);
        await allHear(Date.now());
      }
    });

    it("of before is refused once it is gone, and nobody in the meeting notices, although every connection is cut", async () => {
      const since = Date.now();
      await sleep(FILES_SECONDS * 1000);
      for (const region of fleet.regions.values()) {
        await onStore(region, ["ACL", "SETUSER", "default", `<${region.redis.password ?? ""}`]);
        await expect(onStore(region, ["PING"])).rejects.toThrow("WRONGPASS");
        for (const kind of ["normal", "pubsub"]) {
          await onStore(region, ["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"], NEXT_PASSWORD);
        }
      }
      await allHear(Date.now());
      for (const region of fleet.regions.values()) {
        await becomes(() => statuses(region, "/region-health"), [200, 200]);
      }
      await guests("after");
      await allHear(Date.now());
      const lost = people.flatMap((one) => one.notes("reconnecting", "disconnected"));
      expect(lost.filter(({ at }) => at >= since)).toEqual([]);
    });
  });
}
