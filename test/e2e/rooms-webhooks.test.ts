import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Clock } from "../../services/rooms/placement/ports.ts";
import { Changes } from "../../services/rooms/store/changes.ts";
import { ValkeyRoomStore } from "../../services/rooms/store/room-store.ts";
import { Valkey } from "../../services/rooms/store/valkey.ts";
import { DeletedRooms } from "../../services/rooms/webhooks/deleted-rooms.ts";
import { WebhookIntake } from "../../services/rooms/webhooks/intake.ts";
import { MeetClient } from "../../services/rooms/webhooks/meet-client.ts";
import { MeetHealth } from "../../services/rooms/webhooks/meet-health.ts";
import { Relay } from "../../services/rooms/webhooks/relay.ts";
import { RoomFilter } from "../../services/rooms/webhooks/room-filter.ts";
import {
  ValkeyWebhookQueue,
  type QueueLimits,
} from "../../services/rooms/webhooks/valkey-webhook-queue.ts";
import type { TakenEvent } from "../../services/rooms/webhooks/webhook-queue.ts";
import { isSignedWebhook, signWebhook } from "../../services/rooms/webhooks/webhook-token.ts";
import { startRedis, type Redis } from "../../rehearsal/processes/redis.ts";
import {
  FakeRecords,
  KEY,
  OLD_KEY,
  egressEvent,
  parsed,
  roomEvent,
  webhookKeys,
} from "../support/rooms/fake-webhooks.ts";
import { storeLog } from "../support/rooms/store-log.ts";

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => sleep(ms),
};

let redis: Redis;
const stops: (() => unknown)[] = [];
const unhandled: unknown[] = [];
const note = (reason: unknown): void => {
  unhandled.push(reason);
};
process.on("unhandledRejection", note);

beforeEach(async () => {
  redis = await startRedis();
});

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) {
    await stop();
  }
  await redis.stop();
  expect(unhandled).toEqual([]);
});

afterAll(() => {
  process.off("unhandledRejection", note);
});

async function connect(limits: QueueLimits = {}) {
  const valkey = new Valkey({ url: `${redis.url}/1` }, storeLog());
  stops.push(() => {
    valkey.stop();
  });
  await valkey.start();
  return { valkey, queue: new ValkeyWebhookQueue(valkey, limits) };
}

function only(events: readonly TakenEvent[]): TakenEvent {
  const [event, ...more] = events;
  if (event === undefined || more.length > 0) {
    throw new Error(`${events.length} events were taken`);
  }
  return event;
}

describe("the queue of webhooks", () => {
  it("gives back what was added, of each subject one at a time, in order", async () => {
    const { queue } = await connect();
    const body = roomEvent("a", "room_started", "é\u0000 {", "RM_1");
    await queue.add(parsed(body));
    await queue.add(parsed(roomEvent("b", "room_finished", "é\u0000 {", "RM_1")));
    await queue.add(parsed(egressEvent("c", "EG_1")));
    const taken = await queue.take(10);
    expect(taken.map(({ id }) => id).sort()).toEqual(["a", "c"]);
    expect(taken.find(({ id }) => id === "a")).toMatchObject({ ...parsed(body), strikes: 0 });
    expect(taken.find(({ id }) => id === "c")).not.toHaveProperty("room");
    expect(await queue.take(10)).toEqual([]);
    for (const event of taken) {
      await queue.done(event);
    }
    expect(only(await queue.take(10)).id).toBe("b");
  });

  it("knows an event again, waiting or delivered", async () => {
    const { queue, valkey } = await connect();
    expect((await queue.add(parsed(roomEvent("a")))).isNew).toBe(true);
    expect((await queue.add(parsed(roomEvent("a")))).isNew).toBe(false);
    await queue.done(only(await queue.take(1)));
    expect((await queue.add(parsed(roomEvent("a")))).isNew).toBe(false);
    expect(await valkey.command("PTTL", "rooms:hooks:seen:a")).toBeGreaterThan(86_300_000);
    expect(await valkey.command("KEYS", "rooms:hooks:*")).toEqual(
      expect.arrayContaining(["rooms:hooks:bytes", "rooms:hooks:seen:a"]),
    );
    expect(await valkey.command("DBSIZE")).toBe(3);
    expect(await queue.stats()).toEqual({ length: 0, bytes: 0, oldestMs: 0, setAside: 0 });
  });

  it("gives an event to one of two pods, and to the other when the first one is gone", async () => {
    const [one, two] = [await connect({ leaseMs: 200 }), await connect({ leaseMs: 200 })];
    await one.queue.add(parsed(roomEvent("a")));
    await one.queue.add(parsed(roomEvent("b")));
    const first = only(await one.queue.take(5));
    expect(await two.queue.take(5)).toEqual([]);
    await sleep(220);
    const again = only(await two.queue.take(5));
    expect([first.id, again.id]).toEqual(["a", "a"]);
    // The one that was gone comes late: it has no right any more.
    await one.queue.done(first);
    await one.queue.setAside(first, "late");
    await one.queue.later(first, 0, 0);
    expect((await two.queue.stats()).length).toBe(2);
    await two.queue.done(again);
    expect(only(await one.queue.take(5)).id).toBe("b");
  });

  it("is taken by twenty at once without giving one event twice", async () => {
    const { queue } = await connect();
    const ids = Array.from({ length: 100 }, (_, at) => `e${at}`);
    await Promise.all(ids.map((id) => queue.add(parsed(egressEvent(id, id)))));
    const taken = await Promise.all(Array.from({ length: 20 }, () => queue.take(8)));
    expect(
      taken
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toEqual([...ids].sort());
  });

  it("remembers how often Meet failed on an event, and since when", async () => {
    const { queue } = await connect();
    await queue.add(parsed(roomEvent("a")));
    await queue.later(only(await queue.take(1)), 60, 1);
    expect(await queue.take(1)).toEqual([]);
    await sleep(80);
    const second = only(await queue.take(1));
    expect(second.strikes).toBe(1);
    expect(second.struckMs).toBeGreaterThanOrEqual(60);
    await queue.later(second, 0, 2);
    const third = only(await queue.take(1));
    expect(third.strikes).toBe(2);
    expect(third.struckMs).toBeGreaterThanOrEqual(second.struckMs);
    await queue.later(third, 0, 0);
    expect(only(await queue.take(1))).toMatchObject({ strikes: 0, struckMs: 0 });
  });

  it("sets an event aside, lists it, and takes it up again behind its subject's others", async () => {
    const { queue } = await connect({ maxSetAside: 2 });
    for (const id of ["a", "b", "c", "d"]) {
      await queue.add(parsed(roomEvent(id)));
    }
    await queue.setAside(only(await queue.take(1)), "status 500");
    expect(only(await queue.listSetAside(10))).toMatchObject({
      id: "a",
      kind: "participant_joined",
      subject: "room:room",
      reason: "status 500",
    });
    expect(await queue.stats()).toMatchObject({ length: 3, setAside: 1 });
    expect([await queue.retry("a"), await queue.retry("a"), await queue.retry("x")]).toEqual([
      true,
      false,
      false,
    ]);
    for (const id of ["b", "c", "d"]) {
      const event = only(await queue.take(1));
      expect(event.id).toBe(id);
      await queue.setAside(event, "again");
    }
    expect((await queue.listSetAside(10)).map(({ id }) => id)).toEqual(["d", "c"]);
    const last = only(await queue.take(1));
    expect([last.id, last.strikes]).toEqual(["a", 0]);

    function only<T>(items: readonly T[]): T {
      const [item, ...more] = items;
      if (item === undefined || more.length > 0) {
        throw new Error(`${items.length} items`);
      }
      return item;
    }
  });

  it("loses the oldest but recordings' first when it holds too many", async () => {
    const { queue } = await connect({ maxEvents: 3 });
    await queue.add(parsed(egressEvent("e1", "EG_1")));
    await queue.add(parsed(roomEvent("r1")));
    await queue.add(parsed(roomEvent("r2")));
    expect((await queue.add(parsed(egressEvent("e2", "EG_1")))).lost).toEqual([
      { id: "r1", kind: "participant_joined", subject: "room:room" },
    ]);
    expect((await queue.add(parsed(egressEvent("e3", "EG_3")))).lost).toMatchObject([{ id: "r2" }]);
    expect((await queue.add(parsed(egressEvent("e4", "EG_4")))).lost).toMatchObject([{ id: "e1" }]);
    const taken = await queue.take(10);
    expect(taken.map(({ id }) => id).sort()).toEqual(["e2", "e3", "e4"]);
  });

  it("loses the oldest when it holds too many bytes, or what waits for too long", async () => {
    const length = Buffer.byteLength(roomEvent("r1"));
    const { queue } = await connect({ maxBytes: 2 * length, maxAgeMs: 300 });
    await queue.add(parsed(roomEvent("r1")));
    await queue.add(parsed(roomEvent("r2")));
    expect(await queue.stats()).toMatchObject({ length: 2, bytes: 2 * length });
    expect((await queue.add(parsed(roomEvent("r3")))).lost).toMatchObject([{ id: "r1" }]);
    expect(await queue.trim()).toEqual([]);
    await sleep(320);
    expect((await queue.stats()).oldestMs).toBeGreaterThanOrEqual(300);
    expect((await queue.trim()).map(({ id }) => id)).toEqual(["r2", "r3"]);
    expect(await queue.take(5)).toEqual([]);
    expect(await queue.stats()).toMatchObject({ length: 0, bytes: 0 });
  });

  it("goes on with a subject whose event fell out while it was being delivered", async () => {
    const { queue } = await connect({ maxEvents: 2 });
    await queue.add(parsed(roomEvent("a")));
    const taken = only(await queue.take(1));
    await queue.add(parsed(roomEvent("b")));
    expect((await queue.add(parsed(roomEvent("c")))).lost).toMatchObject([{ id: "a" }]);
    await queue.later(taken, 0, 1);
    expect(only(await queue.take(1)).id).toBe("b");
  });
});

describe("the rooms that the gateway deleted", () => {
  it("are remembered for a day", async () => {
    const { valkey } = await connect();
    const deleted = new DeletedRooms(valkey);
    expect(await deleted.has("RM_1")).toBe(false);
    await deleted.mark("RM_1");
    expect(await deleted.has("RM_1")).toBe(true);
    expect(await valkey.command("TTL", "rooms:deleted:RM_1")).toBe(86_400);
  });
});

/** Meet over HTTP: takes webhooks signed with its one key, or says 503 while it is away. */
async function startMeet() {
  const state = { isAway: false };
  const ids: string[] = [];
  const server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      const token = request.headers.authorization ?? "";
      const now = Math.floor(Date.now() / 1000);
      let status = 200;
      if (state.isAway) {
        status = 503;
      } else if (request.method === "POST") {
        status = isSignedWebhook(token, body, webhookKeys(KEY), now) ? 200 : 400;
        const { id } = parsed(body.toString());
        if (id.startsWith("bad")) {
          status = 404;
        } else if (status === 200) {
          ids.push(id);
        }
      }
      response.writeHead(status).end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: urlOf(server), state, ids };
}

function urlOf(server: Server): string {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}

/** One pod: an intake over HTTP, and a relay, on the same store as any other. */
async function startPod(meetUrl: string) {
  const { valkey, queue } = await connect();
  const store = new ValkeyRoomStore(valkey, new Changes({ url: redis.url }), "eu");
  const deleted = new DeletedRooms(valkey);
  const records = new FakeRecords();
  const meet = new MeetClient(() => meetUrl);
  const random = Math.random;
  const keys = webhookKeys(KEY, OLD_KEY);
  const common = { queue, keys, clock, log: records, metrics: records };
  const relay = new Relay({
    ...common,
    filter: new RoomFilter("eu", store, deleted),
    ...{ meet, health: new MeetHealth(meet, clock, random), random },
  });
  const intake = new WebhookIntake({
    ...common,
    deleted,
    onRoomFinished: async (room, sid) => {
      await store.close(room, "eu", sid);
    },
    onAdded: () => {
      relay.wake();
    },
  });
  const server = createServer((request, response) => {
    void intake.handle(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await relay.stop();
  });
  relay.start();
  const post = async (body: string, key = KEY): Promise<number> => {
    const response = await fetch(urlOf(server), {
      method: "POST",
      headers: { authorization: signWebhook(body, key, Math.floor(Date.now() / 1000)) },
      body,
    });
    await response.arrayBuffer();
    return response.status;
  };
  return { store, deleted, records, relay, post };
}

async function host(store: ValkeyRoomStore, room: string, sid: string): Promise<void> {
  const epoch = Date.now();
  const claim = { room, epoch, region: "eu", tenure: epoch, state: "open", cause: "join" } as const;
  await store.merge({ ...claim, confirmed: true, fresh: true });
  await store.lockCleaning(room, "pod", 5000);
  await store.finishCleaning(room, "pod", epoch);
  await store.admit(room, "eu", epoch, sid);
}

describe("webhooks through two pods", () => {
  it("all reach Meet in order, once it is back, and a room's end closes its claim meanwhile", async () => {
    const meet = await startMeet();
    const pods = [await startPod(meet.url), await startPod(meet.url)] as const;
    meet.state.isAway = true;
    const [one, two] = pods;
    await Promise.all(Array.from({ length: 5 }, (_, at) => host(one.store, `r${at}`, `RM_${at}`)));
    const expected = new Map<string, string[]>();
    for (let at = 0; at < 5; at++) {
      const kinds = ["room_started", "participant_joined", "participant_left", "room_finished"];
      for (const kind of kinds) {
        const id = `${at} ${kind}`;
        const body = roomEvent(id, kind, `r${at}`, `RM_${at}`);
        expect(await (at % 2 === 0 ? one : two).post(body, at === 3 ? OLD_KEY : KEY)).toBe(200);
        expect(await two.post(body)).toBe(200);
        expected.set(`${at}`, [...(expected.get(`${at}`) ?? []), id]);
      }
      expect((await one.store.read(`r${at}`)).claim?.state).toBe("closed");
      expect(await two.post(egressEvent(`${at} egress`, `EG_${at}`, "egress_ended"))).toBe(200);
    }
    await sleep(2500);
    expect(meet.ids).toEqual([]);
    meet.state.isAway = false;
    await vi.waitFor(() => {
      expect(meet.ids).toHaveLength(25);
    }, 12_000);
    for (const [at, ids] of expected) {
      const got = meet.ids.filter((id) => id.startsWith(at) && !id.endsWith("egress"));
      expect(got).toEqual(ids);
    }
    await sleep(300);
    expect(meet.ids).toHaveLength(25);
  });

  it("that end no meeting stay here, and one that Meet refuses holds up nothing", async () => {
    const meet = await startMeet();
    const pod = await startPod(meet.url);
    await host(pod.store, "r", "RM_2");
    await pod.deleted.mark("RM_1");
    await pod.post(roomEvent("1", "room_finished", "r", "RM_1"));
    await pod.post(egressEvent("bad", "EG_1"));
    await pod.post(egressEvent("2", "EG_1", "egress_ended"));
    await pod.post(roomEvent("3", "participant_joined", "r", "RM_2"));
    await vi.waitFor(() => {
      expect([...meet.ids].sort()).toEqual(["2", "3"]);
    }, 5000);
    expect((await pod.store.read("r")).claim?.state).toBe("open");
    expect(pod.records.counted).toContain("dropped deleted");
    expect(pod.records.counted).toContain("set aside");
  });

  it("that were stored survive the pod: another one brings them to Meet", async () => {
    const meet = await startMeet();
    meet.state.isAway = true;
    const first = await startPod(meet.url);
    await first.post(egressEvent("a", "EG_1"));
    await first.relay.stop();
    meet.state.isAway = false;
    await startPod(meet.url);
    await vi.waitFor(() => {
      expect(meet.ids).toEqual(["a"]);
    }, 16_000);
  });

  it("wait for a store that is away, and are relayed when it is back", async () => {
    const meet = await startMeet();
    const pod = await startPod(meet.url);
    redis.pause();
    const answer = pod.post(egressEvent("a", "EG_1"));
    await sleep(2500);
    redis.resume();
    expect(await answer).toBe(200);
    await vi.waitFor(() => {
      expect(meet.ids).toEqual(["a"]);
    }, 5000);
  });
});
