import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { roomPath } from "../../services/rooms/admin/admin-request.ts";
import type { MeetAnswer, MeetCall } from "../support/livekit/meet.ts";
import { signalUrl } from "../support/livekit/signal-url.ts";
import { joinToken } from "../../rehearsal/clients/tokens.ts";
import {
  becomes,
  fleet,
  hosts,
  joinNode,
  joinRaw,
  meet,
  REGIONS,
  startClients,
  statuses,
  stopClients,
  ticket,
  webhooks,
  type Joining,
} from "../support/rooms/client-world.ts";
import { operate } from "../support/rooms/operator.ts";
import { KEY, OPERATOR_SECRET, PEER_SECRET } from "../support/rooms/rooms-fleet.ts";
import { upgradeStatus } from "../support/rooms/upgrade-status.ts";
import { browsersMeet } from "./rooms-clients-browsers.ts";
import { recordingsRun } from "./rooms-clients-egress.ts";
import { keysRotate, NEXT_KEY, NEXT_OPERATOR, NEXT_PEER, NOBODYS } from "./rooms-clients-keys.ts";
import { NEXT_PASSWORD, valkeyRotates } from "./rooms-clients-valkey.ts";

/** Clients as they are: Meet's library, browsers, @livekit/rtc-node; and what operators and probes see meanwhile. */
const RULES = [
  { rooms: ["ruled-*"], region: "us" },
  { countries: ["JP"], region: "us" },
];

/** Seconds for Meet's slowest call and for all others. */
const START_SECONDS = 9.5;
const QUICK_SECONDS = 5;

beforeAll(() =>
  startClients({
    PLACEMENT_RULES: JSON.stringify(RULES),
    COUNTRY_HEADER: "cf-ipcountry",
    PINS_PER_MINUTE_PER_ROOM: "100",
  }),
);

afterAll(stopClients);

describe("probes and strangers", () => {
  it("are answered by every pod", async () => {
    for (const name of REGIONS) {
      const region = fleet.region(name);
      for (const path of ["/", "/healthz", "/readyz", "/region-health"]) {
        expect([path, ...(await statuses(region, path))]).toEqual([path, 200, 200]);
      }
      const head = await fetch(`${region.testUrl}/`, { method: "HEAD" });
      expect([head.status, head.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
      const preflight = await fetch(`${region.testUrl}/`, { method: "OPTIONS" });
      expect(preflight.status).toBe(204);
      expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
    }
  });

  it("that warm up without a token get 401, and so does a forged one", async () => {
    for (const { testUrl } of fleet.regions.values()) {
      expect(await upgradeStatus(`${testUrl}/rtc`)).toBe(401);
      const forged = await joinToken({
        key: { ...KEY, apiSecret: NOBODYS },
        room: "forged",
        identity: "mallory",
      });
      expect(await upgradeStatus(`${testUrl}/rtc/v1?access_token=${forged}`)).toBe(401);
      const answer = await fetch(`${testUrl}/rtc/v1/validate?access_token=${forged}`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
    expect(await hosts("forged")).toEqual([]);
  });

  it("validate, and join with 60 KB of headers, through a region that does not host the room", async () => {
    const anna = await joinRaw({ via: "eu", room: "wide", identity: "anna" });
    const { token } = await ticket({ via: "us", room: "wide", identity: "ben" });
    const foreign = fleet.region("us").testUrl;
    const address = new URL(signalUrl({ url: foreign, token }).replace(/^ws/, "http"));
    for (const path of ["/rtc/validate", "/rtc/v1/validate"]) {
      const answer = await fetch(`${foreign}${path}${address.search}`, {
        headers: { origin: "https://meet.example.org" },
      });
      expect([path, answer.status, await answer.text()]).toEqual([path, 200, "success"]);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
    }
    const padding = { "x-padding": "p".repeat(60_000) };
    const ben = await joinRaw({ via: "us", room: "wide", identity: "ben", headers: padding });
    await anna.untilOthers(["ben"]);
    expect(await hosts("wide")).toEqual(["eu"]);
    await Promise.all([anna.leaveRoom(), ben.leaveRoom()]);
  });

  it("test their connection in rooms of their own", async () => {
    const room = "connection-test-5f0c7b0e-8a0e-4c0a-9d52-0a5b6c7d8e9f";
    const tester = await joinRaw({ via: "us", room, identity: "tester" });
    expect(await hosts(room)).toEqual(["us"]);
    await tester.leaveRoom();
    const deleted = await meet.call(fleet.region("eu").testUrl, KEY, "RoomService/DeleteRoom", {
      room,
    });
    expect(deleted.response).toEqual({});
    await becomes(() => hosts(room), []);
  });
});

describe("Meet's own library", () => {
  const absent = "nobody-is-here";
  const call = (
    via: string,
    name: MeetCall,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<MeetAnswer> => meet.call(fleet.region(via).testUrl, KEY, name, fields);

  it.each([
    ["the region that hosts the room", "eu"],
    ["a region that does not", "us"],
  ])("makes its sixteen calls through %s", async (_, via) => {
    const room = `meet-via-${via}`;
    const anna = await joinNode({ via: "eu", room, identity: `anna-${via}` });
    const { identity } = anna;
    const said = async (
      name: MeetCall,
      fields: Readonly<Record<string, unknown>>,
      seconds = QUICK_SECONDS,
    ): Promise<Readonly<Record<string, unknown>>> => {
      const answer = await call(via, name, fields);
      expect(answer.broken, name).toBeUndefined();
      expect(answer.ms, name).toBeLessThan(seconds * 1000);
      return answer.response ?? { twirp: answer.twirp?.code };
    };
    const listed = await said("RoomService/ListRooms", { names: [room] });
    expect(listed).toMatchObject({ rooms: [{ name: room }] });
    expect(await said("RoomService/SendData", { room, data: "aGVsbG8=" })).toEqual({});
    expect(await said("RoomService/UpdateRoomMetadata", { room, metadata: "{}" })).toMatchObject({
      name: room,
      metadata: "{}",
    });
    const person = { room, identity };
    // LiveKit writes a new track down a moment after it has told its people.
    const present = await vi.waitFor(async () => {
      const now = await said("RoomService/GetParticipant", person);
      expect(now).toMatchObject({ identity, state: "ACTIVE", tracks: [{}] });
      return now;
    });
    const [track] = present["tracks"] as { readonly sid: string }[];
    expect(await said("RoomService/UpdateParticipant", { ...person, name: "Anna" })).toMatchObject({
      name: "Anna",
    });
    const muting = { ...person, track_sid: track?.sid, muted: true };
    expect(await said("RoomService/MutePublishedTrack", muting)).toMatchObject({
      track: { sid: track?.sid, muted: true },
    });
    const dispatch = await said("AgentDispatchService/CreateDispatch", { room, agent_name: "sub" });
    expect(dispatch).toMatchObject({ room, agent_name: "sub" });
    const undo = { room, dispatch_id: dispatch["id"] };
    expect(await said("AgentDispatchService/DeleteDispatch", undo)).toMatchObject({ room });
    const outputs = [{ filepath: "recordings/1.mp4", s3: { bucket: "b", access_key: "k" } }];
    const recording = { room_name: room, file_outputs: outputs };
    // No Egress runs here: LiveKit says so, and the gateway passes it on before Meet gives up.
    const start = await said("Egress/StartRoomCompositeEgress", recording, START_SECONDS);
    expect(["unavailable", "canceled", "deadline_exceeded"]).toContain(start["twirp"]);
    for (const name of ["Egress/ListEgress", "Egress/StopEgress"] as const) {
      expect(await said(name, { egress_id: "EG_unknown" })).toEqual({ twirp: "not_found" });
    }
    const rule = await said("SIP/CreateSIPDispatchRule", {
      name: `SIP_${room}`,
      rule: { dispatch_rule_direct: { room_name: room, pin: via === "eu" ? "1111" : "2222" } },
    });
    const all = await said("SIP/ListSIPDispatchRule", {});
    expect(all["items"]).toMatchObject([{ name: `SIP_${room}` }]);
    const id = { sip_dispatch_rule_id: rule["sip_dispatch_rule_id"] };
    expect(await said("SIP/DeleteSIPDispatchRule", id)).toMatchObject(id);
    expect(await said("SIP/ListSIPDispatchRule", {})).toEqual({});
    expect(await said("RoomService/RemoveParticipant", person)).toEqual({});
    await expect.poll(() => anna.disconnected, { timeout: 5000 }).toContain("");
    expect(await said("RoomService/DeleteRoom", { room })).toEqual({});
    expect(await hosts(room)).toEqual([]);

    const events = (): string[] =>
      webhooks.received.flatMap(({ event }) => (event?.room?.name === room ? [event.event] : []));
    await expect.poll(events, { timeout: 10_000 }).toContain("room_finished");
    expect(events().filter((event) => event.startsWith("room_"))).toEqual([
      "room_started",
      "room_finished",
    ]);
    expect(events()).toEqual(expect.arrayContaining(["participant_joined", "participant_left"]));
    expect(webhooks.refused).toEqual([]);
  });

  it.each(REGIONS)("is told of rooms that nobody hosts as LiveKit would, in %s", async (via) => {
    const room = { room: absent };
    const person = { ...room, identity: "anna" };
    const listed = await call(via, "RoomService/ListRooms", { names: [absent] });
    expect(listed.response).toEqual({});
    const others: readonly (readonly [MeetCall, Readonly<Record<string, unknown>>])[] = [
      ["RoomService/SendData", { ...room, data: "aGVsbG8=" }],
      ["RoomService/UpdateRoomMetadata", { ...room, metadata: "{}" }],
      ["RoomService/GetParticipant", person],
      ["RoomService/UpdateParticipant", { ...person, name: "Anna" }],
      ["RoomService/MutePublishedTrack", { ...person, track_sid: "TR_1", muted: true }],
      ["RoomService/RemoveParticipant", person],
      ["RoomService/DeleteRoom", room],
    ];
    for (const [name, fields] of others) {
      const { twirp, ms } = await call(via, name, fields);
      expect([name, twirp?.code, twirp?.status]).toEqual([name, "not_found", 404]);
      expect(ms).toBeLessThan(QUICK_SECONDS * 1000);
    }
    expect(await hosts(absent)).toEqual([]);
  });
});

describe("where a meeting is", () => {
  /** Joins and leaves at once; gives the region that hosted the room, and ends the meeting. */
  async function meeting(joining: Omit<Joining, "identity">): Promise<readonly string[]> {
    const client = await joinRaw({ ...joining, identity: "anna" });
    const where = await hosts(joining.room);
    await client.leaveRoom();
    await meet.call(fleet.region("eu").testUrl, KEY, "RoomService/DeleteRoom", {
      room: joining.room,
    });
    return where;
  }

  const ownersPin = async (
    room: string,
    region: string,
    isOwner = true,
  ): Promise<{ readonly status: number; readonly text: string }> => {
    const { token } = await ticket({ via: "eu", room, identity: "olga", isOwner });
    const answer = await fetch(`${fleet.region("eu").testUrl}/rooms/${room}/pin`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ region }),
    });
    return { status: answer.status, text: await answer.text() };
  };

  it("is the nearest region to who comes first, whoever that is", async () => {
    expect(await meeting({ via: "eu", room: "plain-1" })).toEqual(["eu"]);
    expect(await meeting({ via: "us", room: "plain-2" })).toEqual(["us"]);
  });

  it("follows the deployment's rules for rooms and countries", async () => {
    expect(await meeting({ via: "eu", room: "ruled-1" })).toEqual(["us"]);
    const headers = { "cf-ipcountry": "JP" };
    expect(await meeting({ via: "eu", room: "plain-3", headers })).toEqual(["us"]);
    const elsewhere = { "cf-ipcountry": "DE" };
    expect(await meeting({ via: "eu", room: "plain-4", headers: elsewhere })).toEqual(["eu"]);
  });

  it("is what its owner has pinned, from the next meeting on", async () => {
    const room = "pinned";
    const client = await joinRaw({ via: "eu", room, identity: "olga", isOwner: true });
    expect(await ownersPin(room, "us", false)).toMatchObject({ status: 403 });
    expect(await ownersPin(room, "us")).toMatchObject({ status: 200 });
    expect(await hosts(room)).toEqual(["eu"]);
    await client.leaveRoom();
    await meet.call(fleet.region("us").testUrl, KEY, "RoomService/DeleteRoom", { room });
    expect(await meeting({ via: "eu", room })).toEqual(["us"]);
    expect(await ownersPin("ruled-2", "eu")).toMatchObject({ status: 403 });
  });

  it("is what an operator has pinned, before the owner and the rules", async () => {
    for (const room of ["pinned", "ruled-3"]) {
      const path = roomPath(room, "pin");
      const body = { region: "eu" };
      const put = await operate(fleet.region("us"), { method: "PUT", path, body });
      expect(put).toMatchObject({ status: 200, body: { notReached: [] } });
      expect(await meeting({ via: "us", room })).toEqual(["eu"]);
      await operate(fleet.region("eu"), { method: "DELETE", path });
      expect(await meeting({ via: "eu", room })).toEqual(["us"]);
    }
  });
});

describe("a region", () => {
  it("is not healthy while it drains, and takes connections all the same", async () => {
    const region = fleet.region("us");
    const body = { deadlineSeconds: 600 };
    expect((await operate(region, { method: "POST", path: "drain", body })).status).toBe(202);
    await becomes(() => statuses(region, "/region-health"), [503, 503], 3);
    expect(await statuses(region, "/readyz")).toEqual([200, 200]);
    const anna = await joinRaw({ via: "us", room: "while-draining", identity: "anna" });
    expect(await hosts("while-draining")).toEqual(["eu"]);
    await anna.leaveRoom();
    await operate(region, { method: "POST", path: "undrain" });
    await becomes(() => statuses(region, "/region-health"), [200, 200], 3);
  });

  it("is not healthy while its LiveKit is down, and takes connections all the same", async () => {
    const region = fleet.region("us");
    await region.liveKit.kill();
    await becomes(() => statuses(region, "/region-health"), [503, 503], 3);
    expect(await statuses(region, "/readyz")).toEqual([200, 200]);
    expect(await statuses(region, "/healthz")).toEqual([200, 200]);
    await region.liveKit.start();
    await becomes(() => statuses(region, "/region-health"), [200, 200], 5);
    // A LiveKit that is back within five seconds still finds its dead self in Redis, and gives it new rooms.
    await sleep(8000);
  });
});

browsersMeet();
recordingsRun();
keysRotate();
valkeyRotates();

describe("after all that", () => {
  it("the metrics of every pod name what is measured, and no room", async () => {
    const pods = [...fleet.regions.values()].flatMap((region) => region.pods);
    const texts = await Promise.all(
      pods.map(async ({ metricsUrl }) => (await fetch(metricsUrl)).text()),
    );
    for (const text of texts) {
      for (const name of [
        "tunnels",
        "joins_total",
        "placement_seconds",
        "claims_total",
        "moves_total",
        "splits_found_total",
        "splits_healed_total",
        "peer_reachable",
        "webhooks_waiting",
        "webhooks_oldest_seconds",
        "upstream_errors_total",
      ]) {
        expect(text).toContain(`# TYPE rooms_${name} `);
      }
      expect(text).toMatch(/rooms_peer_reachable\{[^}]*peer="(eu|us)"[^}]*\} 1/);
      expect(text).not.toMatch(/rotation|browsers|pinned|connection-test/);
    }
    const all = texts.join("");
    for (const name of ["joins_total", "claims_total", "placement_seconds_count", "moves_total"]) {
      expect(all).toMatch(new RegExp(`rooms_${name}\\{[^}]*\\} [1-9]`));
    }
  });

  it("the log is lines of JSON without a secret", () => {
    const lines = fleet
      .logs()
      .split("\n")
      .filter((line) => line !== "");
    expect(lines.length).toBeGreaterThan(20);
    const notJson = lines.filter((line) => !isObject(line));
    expect(notJson).toEqual([]);
    const secrets = [
      "access_token",
      "authorization",
      "eyj",
      "join_request",
      "a-password-of-redis",
      NEXT_PASSWORD,
      ...[KEY, NEXT_KEY].flatMap(({ apiKey, apiSecret }) => [apiKey, apiSecret]),
      ...[PEER_SECRET, OPERATOR_SECRET, NEXT_PEER, NEXT_OPERATOR, NOBODYS],
    ];
    const telling = lines.filter((line) =>
      secrets.some((secret) => line.toLowerCase().includes(secret.toLowerCase())),
    );
    expect(telling).toEqual([]);
    const errors = lines.filter((line) => line.includes('"level":"error"'));
    console.log(
      `log: ${lines.length} lines, ${errors.length} of them errors\n${errors.join("\n")}`,
    );
  });
});

function isObject(line: string): boolean {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}
