import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ApiKey } from "../support/livekit/local-config.ts";
import type { RtcNodeParticipant } from "../../rehearsal/clients/rtc-node.ts";
import { UpgradeRefused } from "../support/livekit/signalling.ts";
import {
  becomes,
  fleet,
  hosts,
  joinNode,
  joinRaw,
  meet,
  REGIONS,
  statuses,
  statusOf,
  ticket,
  webhooks,
} from "../support/rooms/client-world.ts";
import { operate, replaceSecrets } from "../support/rooms/operator.ts";
import { KEY, OPERATOR_SECRET, PEER_SECRET } from "../support/rooms/rooms-fleet.ts";

/** What takes the place of the keys and secrets while meetings run. */
export const NEXT_KEY: ApiKey = {
  apiKey: "APInext",
  apiSecret: "the-next-secret-of-at-least-thirty-two-chars",
};
export const NEXT_PEER = "the-peers-next-secret-of-thirty-two-chars";
export const NEXT_OPERATOR = "operators-next-secret-of-thirty-two-chars";
export const NOBODYS = "nobody-has-this-secret-of-thirty-two-chars";

/** Seconds after which gateways have seen changed files. */
export const FILES_SECONDS = 5.5;

/** Seconds after which LiveKit forgets a node that died. */
export const LIVEKIT_FORGETS_SECONDS = 6;

/**
 * Part of rooms-clients.test.ts: keys and secrets are replaced in the order of `fleet keys rotate`, while people meet.
 * LiveKit renews the token of whoever comes in with its own key, so people hold tokens of both keys for a while.
 */
export function keysRotate(): void {
  describe("keys and secrets", () => {
    const room = "rotation";
    let people: readonly RtcNodeParticipant[];

    const replaceEverywhere = async (contents: Readonly<Record<string, string>>): Promise<void> => {
      for (const region of fleet.regions.values()) {
        replaceSecrets(region, contents);
      }
      await sleep(FILES_SECONDS * 1000);
    };

    const bothHear = async (after: number): Promise<void> => {
      const [anna, ben] = people;
      await Promise.all([
        anna?.untilHears(["ben"], { after }),
        ben?.untilHears(["anna"], { after }),
      ]);
    };

    const noneLost = (since: number): void => {
      const lost = people.flatMap((one) => one.notes("reconnecting", "disconnected"));
      expect(lost.filter(({ at }) => at >= since)).toEqual([]);
    };

    const enter = (): Promise<readonly RtcNodeParticipant[]> =>
      Promise.all([
        joinNode({ via: "eu", room, identity: "anna" }),
        joinNode({ via: "us", room, identity: "ben" }),
      ]);

    /** A region is evacuated, its gateways and its LiveKit use the new key, and it takes meetings again. */
    const useNextKey = async (name: string): Promise<void> => {
      const region = fleet.region(name);
      const body = { deadlineSeconds: 600 };
      expect((await operate(region, { method: "POST", path: "evacuate", body })).status).toBe(202);
      await expect.poll(() => hosts(room), { timeout: 10_000 }).not.toContain(name);
      await bothHear(Date.now());
      replaceSecrets(region, {
        "livekit-api-key": NEXT_KEY.apiKey,
        "livekit-api-secret": NEXT_KEY.apiSecret,
        "livekit-previous-api-key": KEY.apiKey,
        "livekit-previous-api-secret": KEY.apiSecret,
      });
      await region.liveKit.kill();
      await region.liveKit.start(NEXT_KEY);
      // A LiveKit that is back within five seconds still finds its dead self in Redis and sends people there
      // (livekit/livekit, pkg/routing/selector/utils.go): its region takes nobody before.
      await sleep(LIVEKIT_FORGETS_SECONDS * 1000);
      expect((await operate(region, { method: "POST", path: "undrain" })).status).toBe(200);
      await becomes(() => statuses(region, "/region-health"), [200, 200]);
      await bothHear(Date.now());
    };

    /** People with a token of either key come into the meeting and found one, through every region. */
    const guestsComeIn = async (when: string): Promise<void> => {
      for (const key of [KEY, NEXT_KEY]) {
        for (const via of REGIONS) {
          const fresh = `${key.apiKey}-${via}-${when}`;
          const guest = await joinRaw({ via, room, identity: fresh, key });
          const founder = await joinRaw({ via, room: fresh, identity: fresh, key });
          expect(await hosts(fresh)).toEqual([via]);
          await Promise.all([guest.leaveRoom(), founder.leaveRoom()]);
          await ends(fresh);
        }
      }
    };

    /** Meet ends a meeting, with the new key, and is told that it has ended. */
    const ends = async (ended: string): Promise<void> => {
      const { testUrl } = fleet.region("us");
      await meet.call(testUrl, NEXT_KEY, "RoomService/DeleteRoom", { room: ended });
      const finished = (): boolean =>
        webhooks.received.some(
          ({ event }) => event?.event === "room_finished" && event.room?.name === ended,
        );
      await expect.poll(finished, { timeout: 10_000, message: ended }).toBe(true);
    };

    const statusWith = async (via: string, key: ApiKey): Promise<number> => {
      const path = `/rtc/validate?access_token=${(await ticket({ via, room, identity: "x", key })).token}`;
      return statusOf(`${fleet.region(via).testUrl}${path}`);
    };

    const both = async (key: ApiKey): Promise<readonly number[]> =>
      Promise.all(REGIONS.map((via) => statusWith(via, key)));

    const statusFor = (secret: string): Promise<readonly number[]> =>
      Promise.all(
        REGIONS.map(async (name) => {
          const order = { method: "GET", path: "status" } as const;
          return (await operate(fleet.region(name), order, secret)).status;
        }),
      );

    it("to come are accepted by gateways, which sign with LiveKit's own, and nobody notices", async () => {
      people = await enter();
      await bothHear(Date.now());
      const since = Date.now();
      expect([await both(KEY), await both(NEXT_KEY)]).toEqual([
        [200, 200],
        [401, 401],
      ]);
      await replaceEverywhere({
        "livekit-previous-api-key": NEXT_KEY.apiKey,
        "livekit-previous-api-secret": NEXT_KEY.apiSecret,
        "peer-previous-secret": NEXT_PEER,
        "operator-previous-secret": NEXT_OPERATOR,
      });
      expect([await both(KEY), await both(NEXT_KEY)]).toEqual([
        [200, 200],
        [200, 200],
      ]);
      expect([await statusFor(OPERATOR_SECRET), await statusFor(NEXT_OPERATOR)]).toEqual([
        [200, 200],
        [200, 200],
      ]);
      await guestsComeIn("accepted");
      await bothHear(Date.now());
      noneLost(since);
    });

    it("are used from then on, LiveKit's region by region, each while it is empty", async () => {
      const since = Date.now();
      await replaceEverywhere({
        "peer-secret": NEXT_PEER,
        "peer-previous-secret": PEER_SECRET,
        "operator-secret": NEXT_OPERATOR,
        "operator-previous-secret": OPERATOR_SECRET,
      });
      await bothHear(Date.now());
      noneLost(since);
      // Meet is deployed with the first region, and knows the new key alone.
      webhooks.useKey(NEXT_KEY);
      for (const name of REGIONS) {
        await useNextKey(name);
        await guestsComeIn(`while-${name}`);
        await bothHear(Date.now());
      }
    });

    it("of before are refused once they are gone, and people who came with them stay", async () => {
      const since = Date.now();
      await replaceEverywhere({
        "livekit-previous-api-key": "APInobodys",
        "livekit-previous-api-secret": NOBODYS,
        "peer-previous-secret": NOBODYS,
        "operator-previous-secret": NOBODYS,
      });
      expect([await both(KEY), await both(NEXT_KEY)]).toEqual([
        [401, 401],
        [200, 200],
      ]);
      expect([await statusFor(OPERATOR_SECRET), await statusFor(NEXT_OPERATOR)]).toEqual([
        [401, 401],
        [200, 200],
      ]);
      const refused = await joinRaw({ via: "us", room, identity: "late" }).catch(
        (error: unknown) => error,
      );
      expect(refused).toBeInstanceOf(UpgradeRefused);
      await bothHear(Date.now());
      noneLost(since);
      // They came with the old key: what moves them now are the tokens that LiveKit has given them since.
      const [host = ""] = await hosts(room);
      const body = { deadlineSeconds: 600 };
      const order = { method: "POST", path: "evacuate", body } as const;
      expect((await operate(fleet.region(host), order, NEXT_OPERATOR)).status).toBe(202);
      await expect.poll(() => hosts(room), { timeout: 10_000 }).not.toContain(host);
      await bothHear(Date.now());
      const undrain = { method: "POST", path: "undrain" } as const;
      expect((await operate(fleet.region(host), undrain, NEXT_OPERATOR)).status).toBe(200);
      await becomes(() => statuses(fleet.region(host), "/region-health"), [200, 200]);
      await ends(room);
    });
  });
}
