import { afterEach, describe, expect, it, vi } from "vitest";
import { StoreAway, type Known } from "../../../../services/rooms/placement/ports.ts";
import { MeetHealth } from "../../../../services/rooms/webhooks/meet-health.ts";
import { Relay, reportLost } from "../../../../services/rooms/webhooks/relay.ts";
import { RoomFilter } from "../../../../services/rooms/webhooks/room-filter.ts";
import {
  isSignedWebhook,
  type SigningKey,
} from "../../../../services/rooms/webhooks/webhook-token.ts";
import {
  FastClock,
  FakeMeet,
  FakeQueue,
  FakeRecords,
  KEY,
  OLD_KEY,
  egressEvent,
  parsed,
  roomEvent,
  webhookKeys,
} from "../../../support/rooms/fake-webhooks.ts";

const HERE: Known = {
  claim: {
    room: "room",
    epoch: 1,
    region: "eu",
    tenure: 1,
    state: "open",
    cause: "join",
    confirmed: true,
    fresh: true,
  },
  hosting: { cleanTenure: 1, sid: "RM_1" },
};

const running: Relay[] = [];

function setUp(options: { keys?: readonly SigningKey[]; known?: Known; speed?: number } = {}) {
  const clock = new FastClock(options.speed ?? 50);
  const queue = new FakeQueue(clock);
  const meet = new FakeMeet();
  const records = new FakeRecords();
  const keys = webhookKeys(...(options.keys ?? [KEY]));
  const state = { known: options.known ?? HERE };
  const deleted = new Set<string>();
  const filter = new RoomFilter(
    "eu",
    { read: () => Promise.resolve(state.known) },
    { has: (sid) => Promise.resolve(deleted.has(sid)) },
  );
  const random = (): number => 1;
  const health = new MeetHealth(meet, clock, random);
  const parts = { queue, filter, meet, health, keys, clock, random };
  const relay = new Relay({ ...parts, log: records, metrics: records });
  running.push(relay);
  const add = async (...bodies: readonly string[]) => {
    for (const body of bodies) {
      await queue.add(parsed(body));
    }
  };
  return { clock, queue, meet, records, relay, add, state, deleted };
}

/** Waits until nothing is queued. */
async function drained(queue: FakeQueue): Promise<void> {
  await vi.waitFor(
    () => {
      expect(queue.waiting).toEqual([]);
    },
    { timeout: 10_000, interval: 5 },
  );
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((relay) => relay.stop()));
});

describe("a relay", () => {
  it("brings each subject's events to Meet in their order, the bodies as they came", async () => {
    const { relay, queue, meet, records, add } = setUp();
    const bodies = Array.from({ length: 60 }, (_, at) => egressEvent(`e${at}`, `EG_${at % 3}`));
    await add(...bodies);
    relay.start();
    await drained(queue);
    for (const subject of [0, 1, 2]) {
      const got = meet.ids().filter((id) => Number(id.slice(1)) % 3 === subject);
      const sent = bodies.map((_, at) => `e${at}`).filter((_, at) => at % 3 === subject);
      expect(got).toEqual(sent);
    }
    expect(meet.got.map(({ body }) => body).sort()).toEqual([...bodies].sort());
    expect(records.counted).toEqual(bodies.map(() => "relayed"));
  });

  it("signs each with the current key, in a way that holds for the body", async () => {
    const { relay, queue, meet, clock, add } = setUp({ keys: [KEY, OLD_KEY] });
    await add(roomEvent("a"));
    relay.start();
    await drained(queue);
    const [post] = meet.got;
    const now = Math.floor(clock.now() / 1000);
    const verifies = (key: SigningKey, body: string, at: number): boolean =>
      isSignedWebhook(post?.token ?? "", Buffer.from(body), webhookKeys(key), at);
    expect(verifies(KEY, roomEvent("a"), now)).toBe(true);
    expect(verifies(KEY, roomEvent("b"), now)).toBe(false);
    expect(verifies(OLD_KEY, roomEvent("a"), now)).toBe(false);
    expect(verifies(KEY, roomEvent("a"), now + 400)).toBe(false);
  });

  it("signs with the other key where Meet has not changed to the current one, and stays with it", async () => {
    const { relay, queue, meet, records, add } = setUp({ keys: [KEY, OLD_KEY] });
    meet.answers.set("a", [{ kind: "refused", status: 400 }, { kind: "accepted" }]);
    await add(roomEvent("a"), roomEvent("b"));
    relay.start();
    await drained(queue);
    const issuers = meet.got.map(({ token }) => {
      const [, payload = ""] = token.split(".");
      return Buffer.from(payload, "base64url").toString().includes('"old"') ? "old" : "current";
    });
    expect(meet.ids()).toEqual(["a", "a", "b"]);
    expect(issuers).toEqual(["current", "old", "old"]);
    expect(records.counted).toEqual(["relayed", "relayed"]);
  });

  it("delivers at most eight subjects at a time", async () => {
    const { relay, queue, meet, add } = setUp();
    await add(...Array.from({ length: 40 }, (_, at) => egressEvent(`e${at}`, `EG_${at}`)));
    let open: () => void = () => undefined;
    meet.gate = new Promise((resolve) => (open = resolve));
    relay.start();
    await vi.waitFor(() => {
      expect(meet.under).toBe(8);
    });
    open();
    await drained(queue);
    expect(meet.mostUnder).toBe(8);
  });

  it("finishes the post under way when it is stopped, and begins no other", async () => {
    const { relay, queue, meet, add } = setUp();
    await add(roomEvent("a"), roomEvent("b"));
    let open: () => void = () => undefined;
    meet.gate = new Promise((resolve) => (open = resolve));
    relay.start();
    await vi.waitFor(() => {
      expect(meet.under).toBe(1);
    });
    const stopped = relay.stop();
    open();
    await stopped;
    expect([meet.ids(), queue.waiting.map(({ event }) => event.id)]).toEqual([["a"], ["b"]]);
  });

  it("goes on when the store is back, and keeps what it could not take off the queue", async () => {
    const { relay, queue, meet, records, add } = setUp();
    await add(roomEvent("a"));
    queue.failure = new StoreAway("away");
    relay.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
    queue.failure = undefined;
    await drained(queue);
    expect([meet.ids(), records.logged]).toEqual([["a"], []]);
  });
});

describe("while Meet is away", () => {
  it("one event is tried after growing pauses up to 15 s, and all go on once one is taken", async () => {
    const { relay, queue, meet, clock, records, add } = setUp({ speed: 200 });
    await add(...Array.from({ length: 20 }, (_, at) => egressEvent(`e${at}`, `EG_${at}`)));
    const begin = clock.monotonic();
    meet.health = false;
    meet.answerAll = { kind: "failed", reason: "status 503" };
    relay.start();
    await vi.waitFor(() => {
      expect(clock.monotonic() - begin).toBeGreaterThan(600_000);
    }, 10_000);
    // Eight at first, then one after each of 0.5, 1, 2, 4, 8, 15, 15 … s.
    expect(meet.got.length).toBeGreaterThan(8 + 20);
    expect(meet.got.length).toBeLessThan(8 + 5 + 700 / 15);
    meet.answerAll = undefined;
    await drained(queue);
    expect(records.counted.filter((line) => line === "relayed")).toHaveLength(20);
    expect(queue.aside).toEqual([]);
  });

  it("even refusals are no event's fault", async () => {
    const { relay, queue, meet, clock, add } = setUp();
    await add(roomEvent("a"));
    meet.health = false;
    meet.answers.set("a", [{ kind: "refused", status: 404 }]);
    const begin = clock.monotonic();
    relay.start();
    await vi.waitFor(() => {
      expect(clock.monotonic() - begin).toBeGreaterThan(120_000);
    }, 5000);
    expect(queue.aside).toEqual([]);
  });

  it("it is left alone for as long as it asks", async () => {
    const { relay, queue, meet, clock, add } = setUp();
    await add(roomEvent("a"), egressEvent("b", "EG_1"));
    meet.answers.set("a", [{ kind: "busy", waitMs: 20_000 }, { kind: "accepted" }]);
    const begin = clock.monotonic();
    relay.start();
    await drained(queue);
    expect(clock.monotonic() - begin).toBeGreaterThanOrEqual(20_000);
  });
});

describe("while Meet is well", () => {
  it("an event that it refuses is set aside at once and holds up nothing", async () => {
    const { relay, queue, meet, records, add } = setUp();
    meet.answers.set("a", [{ kind: "refused", status: 404 }]);
    await add(roomEvent("a"), roomEvent("b"), egressEvent("c", "EG_1"));
    relay.start();
    await drained(queue);
    expect(queue.aside.map(({ entry, reason }) => [entry.event.id, reason])).toEqual([
      ["a", "status 404"],
    ]);
    expect([...meet.ids()].sort()).toEqual(["a", "b", "c"]);
    expect(records.counted).toContain("set aside");
    expect(records.logged).toEqual([
      'error Meet does not take a webhook; it was set aside {"id":"a","kind":"participant_joined",' +
        '"subject":"room:room","reason":"status 404"}',
    ]);
  });

  it("an event that it fails on is set aside after five tries and half a minute", async () => {
    const { relay, queue, meet, clock, add } = setUp();
    meet.answers.set("a", [{ kind: "failed", reason: "status 500" }]);
    await add(egressEvent("a", "EG_1"), egressEvent("b", "EG_2"));
    const begin = clock.monotonic();
    relay.start();
    await vi.waitFor(() => {
      expect(meet.ids()).toContain("b");
    });
    expect(clock.monotonic() - begin).toBeLessThan(10_000);
    await drained(queue);
    expect(clock.monotonic() - begin).toBeGreaterThanOrEqual(30_000);
    expect(clock.monotonic() - begin).toBeLessThan(60_000);
    expect(meet.ids().filter((id) => id === "a").length).toBeGreaterThanOrEqual(5);
    expect(queue.aside.map(({ reason }) => reason)).toEqual(["status 500"]);
  });

  it("an event that it takes after it failed on it some times is relayed", async () => {
    const { relay, queue, meet, records, add } = setUp();
    const failed = { kind: "failed", reason: "status 500" } as const;
    meet.answers.set("a", [failed, failed, failed, failed, { kind: "accepted" }]);
    await add(egressEvent("a", "EG_1"));
    relay.start();
    await drained(queue);
    expect(records.counted).toEqual(["retried", "retried", "retried", "retried", "relayed"]);
  });

  it("a kind that it does not know is dropped, but for a recording's, which is set aside", async () => {
    const { relay, queue, meet, records, add } = setUp();
    meet.answerAll = { kind: "refused", status: 422 };
    await add(roomEvent("a", "participant_connection_aborted"), egressEvent("b", "EG_1"));
    relay.start();
    await drained(queue);
    expect([...records.counted].sort()).toEqual(["dropped unsupported", "set aside"]);
  });

  it("and its health can not be asked, an event is at fault while others are taken", async () => {
    const { relay, queue, meet, add } = setUp();
    meet.health = undefined;
    meet.answers.set("a", [{ kind: "refused", status: 404 }]);
    await add(egressEvent("b", "EG_1"), roomEvent("a"));
    relay.start();
    await drained(queue);
    expect(queue.aside.map(({ entry }) => entry.event.id)).toEqual(["a"]);
  });
});

describe("what is not relayed", () => {
  it("waits until its room's id is written down, and is relayed then", async () => {
    const { relay, queue, meet, clock, state, add } = setUp({
      speed: 10,
      known: { ...HERE, hosting: { cleanTenure: 1 } },
    });
    await add(roomEvent("a", "room_started"));
    const begin = clock.monotonic();
    relay.start();
    await vi.waitFor(
      () => {
        expect(clock.monotonic() - begin).toBeGreaterThan(1000);
      },
      { interval: 2 },
    );
    expect(meet.got).toEqual([]);
    state.known = HERE;
    await drained(queue);
    expect(meet.ids()).toEqual(["a"]);
  });

  it("is dropped, by reason, and recordings' events never are", async () => {
    const { relay, queue, meet, records, deleted, add } = setUp();
    deleted.add("RM_gone");
    await add(
      roomEvent("a", "room_finished", "room", "RM_gone"),
      roomEvent("b", "room_finished", "room", "RM_other"),
      egressEvent("c", "EG_1"),
      JSON.stringify({ event: "egress_ended", id: "d", room: { name: "room", sid: "RM_gone" } }),
      JSON.stringify({ event: "something_new", id: "e" }),
    );
    relay.start();
    await drained(queue);
    expect([...meet.ids()].sort()).toEqual(["c", "d", "e"]);
    expect(records.counted).toContain("dropped deleted");
    expect(records.counted).toContain("dropped stale");
  });

  it("is an event of a room that another region hosts", async () => {
    const { relay, queue, meet, records, add } = setUp({
      known: { claim: { ...claimHere(), region: "us" }, hosting: HERE.hosting },
    });
    await add(roomEvent("a", "room_finished"));
    relay.start();
    await drained(queue);
    expect([meet.ids(), records.counted.at(-1)]).toEqual([[], "dropped moved"]);
  });

  it("is not an event of the meeting that was closed here last", async () => {
    const { relay, queue, meet, add } = setUp({
      known: { claim: { ...claimHere(), state: "closed" }, hosting: HERE.hosting },
    });
    await add(roomEvent("a", "room_finished"));
    relay.start();
    await drained(queue);
    expect(meet.ids()).toEqual(["a"]);
  });

  it("is said where a queue was full", () => {
    const records = new FakeRecords();
    reportLost([{ id: "a", kind: "room_started", subject: "room:r" }], {
      log: records,
      metrics: records,
    });
    expect(records.counted).toEqual(["dropped full"]);
    expect(records.logged).toEqual([
      "error a webhook was lost: too many wait for Meet, or for too long " +
        '{"id":"a","kind":"room_started","subject":"room:r"}',
    ]);
  });
});

function claimHere() {
  const { claim } = HERE;
  if (claim === undefined) {
    throw new Error("no claim");
  }
  return claim;
}
