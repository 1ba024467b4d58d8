import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { roomPath } from "../../services/rooms/admin/admin-request.ts";
import { BrowserClients, type BrowserTab } from "../support/livekit/browser.ts";
import type { ApiKey } from "../support/livekit/local-config.ts";
import { MeetLibrary, type MeetAnswer, type MeetCall } from "../support/livekit/meet.ts";
import { MeetWebhooks } from "../support/livekit/meet-webhooks.ts";
import { CLIENTS, createNetwork, TEST, type Network } from "../support/livekit/partition.ts";
import { RtcNodeClients, type RtcNodeParticipant } from "../support/livekit/rtc-node.ts";
import { roomNames } from "../support/livekit/server-api.ts";
import { signalUrl } from "../support/livekit/signal-url.ts";
import { SignalClient, UpgradeRefused } from "../support/livekit/signalling.ts";
import { joinToken } from "../support/livekit/tokens.ts";
import { stretched } from "../support/rooms/meetings.ts";
import { operate, replaceSecrets } from "../support/rooms/operator.ts";
import {
  KEY,
  OPERATOR_SECRET,
  PEER_SECRET,
  RoomsFleet,
  type FleetRegion,
} from "../support/rooms/rooms-fleet.ts";
import { upgradeStatus } from "../support/rooms/upgrade-status.ts";

/** Clients as they are: Meet's library, browsers, @livekit/rtc-node; and what operators and probes see meanwhile. */
const REGIONS = ["eu", "us"] as const;
const RULES = [
  { rooms: ["ruled-*"], region: "us" },
  { countries: ["JP"], region: "us" },
];

/** What takes the place of the keys and secrets while meetings run. */
const NEXT_KEY: ApiKey = {
  apiKey: "APInext",
  apiSecret: "the-next-secret-of-at-least-thirty-two-chars",
};
const NEXT_PEER = "the-peers-next-secret-of-thirty-two-chars";
const NEXT_OPERATOR = "operators-next-secret-of-thirty-two-chars";
const NOBODYS = "nobody-has-this-secret-of-thirty-two-chars";

/** For how long people may be out; seconds for Meet's slowest and quick calls, and until gateways saw changed files. */
const OUT_MS = 2000;
const START_SECONDS = 9.5;
const QUICK_SECONDS = 5;
const FILES_SECONDS = 5.5;

let network: Network;
let fleet: RoomsFleet;
let meet: MeetLibrary;
let webhooks: MeetWebhooks;
let nodes: RtcNodeClients;
let browser: BrowserClients;

/** What has been started, to be ended in the opposite order. */
const started: { stop: () => Promise<void> }[] = [];

function remember<T extends { stop: () => Promise<void> }>(one: T): T {
  started.push(one);
  return one;
}

beforeAll(async () => {
  network = await createNetwork(REGIONS);
  started.push({ stop: () => network.close() });
  console.log(`partitions: ${network.description}`);
  meet = remember(await MeetLibrary.start());
  webhooks = remember(await MeetWebhooks.start(meet, KEY, network.place(TEST)));
  const environment = {
    PLACEMENT_RULES: JSON.stringify(RULES),
    COUNTRY_HEADER: "cf-ipcountry",
    PINS_PER_MINUTE_PER_ROOM: "100",
  };
  const meetUrl = new URL(webhooks.url).origin;
  fleet = remember(await RoomsFleet.start({ regions: REGIONS, meetUrl, environment }, network));
  nodes = remember(RtcNodeClients.start(network.place(CLIENTS)));
  browser = remember(await BrowserClients.start(network.place(CLIENTS)));
});

afterAll(async () => {
  for (const one of started.reverse()) {
    await one.stop();
  }
});

interface Joining {
  readonly via: string;
  readonly room: string;
  readonly identity: string;
  readonly key?: ApiKey;
  readonly isOwner?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ticket(joining: Joining): Promise<{ readonly url: string; readonly token: string }> {
  const { via, key = KEY, ...rest } = joining;
  return { url: fleet.region(via).url, token: await joinToken({ key, ...rest }) };
}

async function joinRaw(joining: Joining): Promise<SignalClient> {
  const { headers = {} } = joining;
  return SignalClient.join({ ...(await ticket(joining)), headers });
}

async function joinNode(joining: Joining): Promise<RtcNodeParticipant> {
  return nodes.join({ identity: joining.identity, audio: true, ...(await ticket(joining)) });
}

/** Regions whose LiveKit has the room. */
async function hosts(room: string, key = KEY): Promise<readonly string[]> {
  const lists = await Promise.all(
    REGIONS.map(async (name) => {
      const { liveKit } = fleet.region(name);
      const names = liveKit.process.isRunning ? await roomNames(liveKit.url, key) : [];
      return names.includes(room) ? [name] : [];
    }),
  );
  return lists.flat();
}

async function becomes<T>(look: () => Promise<T>, wanted: T, seconds = 10): Promise<void> {
  await expect.poll(look, { timeout: seconds * 1000, interval: 50 }).toEqual(wanted);
}

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
const statuses = (region: FleetRegion, path: string): Promise<number[]> =>
  Promise.all(region.pods.map(({ url }) => statusOf(`${url}${path}`)));

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
    const present = await said("RoomService/GetParticipant", person);
    expect(present).toMatchObject({ identity, state: "ACTIVE" });
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
  });
});

describe("browsers in two regions", () => {
  const room = "browsers";
  let tabs: readonly BrowserTab[];

  /** Waits until both see and hear each other anew, and tells for how long they did not. */
  async function times(what: string, since: number, before: string | undefined): Promise<void> {
    const sids = (): Promise<readonly (string | undefined)[]> =>
      Promise.all(tabs.map((tab) => tab.roomSid()));
    await expect.poll(sids, { timeout: 20_000, interval: 50 }).not.toContain(before);
    const after = Date.now();
    await Promise.all(tabs.map((tab, index) => tab.untilSees([other(index)], { after })));
    await sleep(1600);
    const outs = await Promise.all(tabs.map((tab, index) => tab.outage([other(index)], since)));
    const heard = await Promise.all(tabs.map((tab, index) => tab.heard(other(index))));
    console.log(
      `${what}: out for ${outs.map(({ outMs }) => outMs).join(" and ")} ms; looks with new video and audio so far ${JSON.stringify(heard)}`,
    );
    expect(new Set(await sids()).size).toBe(1);
    for (const { outMs } of outs) {
      expect(outMs).toBeLessThanOrEqual(stretched(OUT_MS));
    }
  }

  const names = ["tab-eu", "tab-us"] as const;
  const other = (index: number): string => names[1 - index] ?? "";

  it("see and hear each other", async () => {
    tabs = await Promise.all(
      REGIONS.map(async (via) => {
        const identity = `tab-${via}`;
        return browser.join({ identity, ...(await ticket({ via, room, identity })) });
      }),
    );
    await Promise.all(tabs.map((tab, index) => tab.untilSees([other(index)])));
    const sids = await Promise.all(tabs.map((tab) => tab.roomSid()));
    expect(new Set(sids).size).toBe(1);
  });

  it("go on after the hosting region was evacuated", async () => {
    const [from = ""] = await hosts(room);
    const to = from === "eu" ? "us" : "eu";
    const before = await tabs[0]?.roomSid();
    const since = Date.now();
    const body = { deadlineSeconds: 60 };
    const order = { method: "POST", path: "evacuate", body } as const;
    expect((await operate(fleet.region(from), order)).status).toBe(202);
    await becomes(() => hosts(room), [to]);
    await operate(fleet.region(from), { method: "POST", path: "undrain" });
    await times(`evacuation of ${from}`, since, before);
  });

  it("go on after the region that took them is lost right behind it", async () => {
    const [from = ""] = await hosts(room);
    const to = from === "eu" ? "us" : "eu";
    const before = await tabs[0]?.roomSid();
    const since = Date.now();
    await fleet.region(from).liveKit.kill();
    await becomes(() => hosts(room), [to]);
    await fleet.region(from).liveKit.start();
    await times(`LiveKit of ${from} killed`, since, before);
    await Promise.all(tabs.map((tab) => tab.leave()));
  });
});

describe("keys and secrets", () => {
  const room = "rotation";
  let people: readonly RtcNodeParticipant[];

  const replaceEverywhere = async (contents: Readonly<Record<string, string>>): Promise<void> => {
    for (const region of fleet.regions.values()) {
      replaceSecrets(region, contents);
    }
    await sleep(FILES_SECONDS * 1000);
  };

  const hear = async (after: number): Promise<void> => {
    const [anna, ben] = people;
    await Promise.all([anna?.untilHears(["ben"], { after }), ben?.untilHears(["anna"], { after })]);
  };

  /** A LiveKit comes back with other keys; the meeting goes on elsewhere and is whole again. */
  const restart = async (name: string, keys: readonly [ApiKey, ...ApiKey[]]): Promise<void> => {
    const { liveKit } = fleet.region(name);
    await liveKit.kill();
    await liveKit.start(keys);
    await becomes(() => statuses(fleet.region(name), "/region-health"), [200, 200]);
    await hear(Date.now());
  };

  /** Meet ends a meeting, with the key of now, and is told that it has ended. */
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

  it("to come are accepted by gateways, then by LiveKit, while a meeting runs", async () => {
    people = await Promise.all([
      joinNode({ via: "eu", room, identity: "anna" }),
      joinNode({ via: "us", room, identity: "ben" }),
    ]);
    await hear(Date.now());
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
    for (const name of REGIONS) {
      await restart(name, [KEY, NEXT_KEY]);
    }
    expect([await both(KEY), await both(NEXT_KEY)]).toEqual([
      [200, 200],
      [200, 200],
    ]);
    expect([await statusFor(OPERATOR_SECRET), await statusFor(NEXT_OPERATOR)]).toEqual([
      [200, 200],
      [200, 200],
    ]);
  });

  it("are used from then on, and nobody notices", async () => {
    const since = Date.now();
    await replaceEverywhere({
      "livekit-api-key": NEXT_KEY.apiKey,
      "livekit-api-secret": NEXT_KEY.apiSecret,
      "livekit-previous-api-key": KEY.apiKey,
      "livekit-previous-api-secret": KEY.apiSecret,
      "peer-secret": NEXT_PEER,
      "peer-previous-secret": PEER_SECRET,
      "operator-secret": NEXT_OPERATOR,
      "operator-previous-secret": OPERATOR_SECRET,
    });
    webhooks.useKey(NEXT_KEY);
    await hear(Date.now());
    const lost = people.flatMap((one) => one.notes("reconnecting", "disconnected"));
    expect(lost.filter(({ at }) => at >= since)).toEqual([]);
    for (const key of [KEY, NEXT_KEY]) {
      for (const via of REGIONS) {
        const fresh = `${key.apiKey}-${via}`;
        const guest = await joinRaw({ via, room, identity: fresh, key });
        const founder = await joinRaw({ via, room: fresh, identity: fresh, key });
        expect(await hosts(fresh, NEXT_KEY)).toEqual([via]);
        await Promise.all([guest.leaveRoom(), founder.leaveRoom()]);
      }
    }
    // The order of the keys is what LiveKit signs webhooks by: still with the one of before, which the gateway knows.
    await ends(`${NEXT_KEY.apiKey}-us`);
    for (const name of REGIONS) {
      await restart(name, [NEXT_KEY, KEY]);
    }
    const founder = await joinRaw({ via: "eu", room: "signed", identity: "eve", key: NEXT_KEY });
    await founder.leaveRoom();
    await ends("signed");
  });

  it("of before are refused once they are gone", async () => {
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
    await hear(Date.now());
    await ends(room);
  });
});

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
