import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { StoreAway } from "../../../../services/rooms/placement/ports.ts";
import { WebhookIntake } from "../../../../services/rooms/webhooks/intake.ts";
import { signWebhook } from "../../../../services/rooms/webhooks/webhook-token.ts";
import {
  FakeQueue,
  FakeRecords,
  FastClock,
  KEY,
  OLD_KEY,
  egressEvent,
  roomEvent,
  webhookKeys,
} from "../../../support/rooms/fake-webhooks.ts";

const servers: Server[] = [];

async function setUp(speed = 100) {
  const clock = new FastClock(speed);
  const queue = new FakeQueue(clock);
  const records = new FakeRecords();
  const deleted = new Set<string>();
  const closed: string[] = [];
  const state: { woken: number; closing: Error | undefined } = { woken: 0, closing: undefined };
  const intake = new WebhookIntake({
    queue,
    keys: webhookKeys(KEY, OLD_KEY),
    deleted: { has: (sid) => Promise.resolve(deleted.has(sid)) },
    onRoomFinished: (room, sid) => {
      closed.push(`${room} ${sid}`);
      return state.closing === undefined ? Promise.resolve() : Promise.reject(state.closing);
    },
    onAdded: () => {
      state.woken++;
    },
    ...{ clock, log: records, metrics: records },
  });
  const server = createServer((request, response) => {
    void intake.handle(request, response);
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const post = async (body: string | Uint8Array<ArrayBuffer>, authorization?: string) => {
    const token = signWebhook(body, KEY, Math.floor(clock.now() / 1000));
    const response = await fetch(`http://127.0.0.1:${port}/webhooks/livekit`, {
      method: "POST",
      headers: {
        authorization: authorization ?? token,
        "content-type": "application/webhook+json",
      },
      body,
    });
    return `${response.status} ${(await response.text()).trim()}`;
  };
  return { clock, queue, records, deleted, closed, state, intake, port, post };
}

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe("a webhook", () => {
  it("that LiveKit signed is stored byte for byte, and the relay hears of it", async () => {
    const { post, queue, records, state } = await setUp();
    const body = `{ "event":"room_started",  "id":"a", "room":{"name":"é\u2028 x","sid":"RM_1"} }\n`;
    expect(await post(body)).toBe("200 Stored.");
    expect(queue.waiting.map(({ event }) => event)).toEqual([
      {
        id: "a",
        kind: "room_started",
        subject: "room:é\u2028 x",
        room: "é\u2028 x",
        sid: "RM_1",
        body,
      },
    ]);
    expect([records.counted, state.woken]).toEqual([["received"], 1]);
  });

  it("that LiveKit sends again is stored once", async () => {
    const { post, queue, records } = await setUp();
    expect(await post(roomEvent("a"))).toBe("200 Stored.");
    expect(await post(roomEvent("a"))).toBe("200 Stored.");
    expect([queue.waiting.length, records.counted]).toEqual([1, ["received", "repeated"]]);
  });

  it("signed with the key of before is taken, as a bearer too", async () => {
    const { post, clock } = await setUp();
    const now = Math.floor(clock.now() / 1000);
    expect(await post(roomEvent("a"), signWebhook(roomEvent("a"), OLD_KEY, now))).toMatch(/^200/);
    const token = `Bearer ${signWebhook(roomEvent("b"), KEY, now)}`;
    expect(await post(roomEvent("b"), token)).toMatch(/^200/);
  });

  it("whose signature does not verify is turned away, and nothing of it is logged", async () => {
    const { post, clock, queue, records } = await setUp();
    const now = Math.floor(clock.now() / 1000);
    const body = roomEvent("a");
    const good = signWebhook(body, KEY, now);
    const [header = "", payload = "", signature = ""] = good.split(".");
    const none = Buffer.from('{"alg":"none"}').toString("base64url");
    const bad = [
      "",
      "x",
      `${header}.${payload}.`,
      `${header}.${payload}.${signature.slice(0, -2)}`,
      `${none}.${payload}.${signature}`,
      `${none}.${payload}.`,
      `${good}.more`,
      signWebhook(roomEvent("b"), KEY, now),
      signWebhook(body, { ...KEY, secret: "another" }, now),
      signWebhook(body, { ...KEY, apiKey: "another" }, now),
      signWebhook(body, KEY, now - 365),
      signWebhook(body, KEY, now + 100),
    ];
    for (const token of bad) {
      expect([token, await post(body, token)]).toEqual([
        token,
        "401 The signature does not verify.",
      ]);
    }
    expect([queue.waiting, records.counted.length]).toEqual([[], bad.length]);
    expect(new Set(records.logged)).toEqual(
      new Set(["warn a webhook's signature does not verify"]),
    );
  });

  it("that is no event in JSON is refused for good", async () => {
    const { post } = await setUp();
    for (const body of ["", "[]", "{", "null", '{"event":""}', '{"event":"a","room":5}']) {
      expect([body, await post(body)]).toEqual([body, "400 This is not an event in JSON."]);
    }
  });

  it("that is not UTF-8 is refused: it could not be kept byte for byte", async () => {
    const { post } = await setUp();
    const body = new Uint8Array(Buffer.from('{"event":"x","id":"\xff"}', "latin1"));
    expect(await post(body)).toBe("400 This is not an event in JSON.");
  });

  it("that is too long is refused, over the same connection", async () => {
    const { post, records } = await setUp();
    const long = JSON.stringify({ event: "x", id: "a", pad: "x".repeat(1024 * 1024) });
    expect(await post(long)).toBe("413 A webhook has at most 1048576 bytes.");
    expect(records.counted).toEqual(["refused body"]);
  });

  it("that is cut off harms nobody", async () => {
    const { port, post, records } = await setUp();
    const socket = connect(port, "127.0.0.1");
    socket.write("POST /webhooks/livekit HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nabc");
    await new Promise((resolve) => setTimeout(resolve, 30));
    socket.destroy();
    expect(await post(roomEvent("a"))).toMatch(/^200/);
    expect(records.counted).toContain("received");
  });

  it("is posted, not fetched", async () => {
    const { port } = await setUp();
    const response = await fetch(`http://127.0.0.1:${port}/webhooks/livekit`);
    expect([response.status, await response.text()]).toEqual([405, "Webhooks are posted.\n"]);
  });
});

describe("while the store is away", () => {
  it("a webhook waits for it, and is stored when it is back", async () => {
    const { post, queue, records } = await setUp();
    queue.failure = new StoreAway("away");
    const answer = post(roomEvent("a"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    queue.failure = undefined;
    expect(await answer).toBe("200 Stored.");
    expect([queue.waiting.length, records.counted]).toEqual([1, ["received"]]);
  });

  it("a webhook is left to LiveKit to send again after twenty seconds", async () => {
    const { post, queue, clock, records } = await setUp();
    queue.failure = new StoreAway("away");
    const begin = clock.monotonic();
    expect(await post(roomEvent("a"))).toBe("503 The store does not answer. Try again.");
    expect(clock.monotonic() - begin).toBeGreaterThanOrEqual(20_000);
    expect(records.counted).toEqual(["refused store-away"]);
  });
});

describe("the end of a room", () => {
  it("closes its claim at once, and again when the event comes again", async () => {
    const { post, closed, queue } = await setUp();
    await post(roomEvent("a", "room_finished", "r", "RM_1"));
    await post(roomEvent("a", "room_finished", "r", "RM_1"));
    await post(roomEvent("b", "room_started", "r", "RM_1"));
    await post(egressEvent("c", "EG_1", "egress_ended"));
    expect([closed, queue.waiting.length]).toEqual([["r RM_1", "r RM_1"], 3]);
  });

  it("that the gateway brought about itself closes nothing", async () => {
    const { post, closed, deleted } = await setUp();
    deleted.add("RM_1");
    await post(roomEvent("a", "room_finished", "r", "RM_1"));
    expect(closed).toEqual([]);
  });

  it("is not taken from LiveKit before the claim is closed", async () => {
    const { post, state, closed } = await setUp();
    state.closing = new StoreAway("away");
    const answer = post(roomEvent("a", "room_finished", "r", "RM_1"));
    await new Promise((resolve) => setTimeout(resolve, 30));
    state.closing = undefined;
    expect(await answer).toBe("200 Stored.");
    expect(closed.length).toBeGreaterThan(1);
  });
});
