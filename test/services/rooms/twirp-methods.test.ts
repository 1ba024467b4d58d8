import {
  CreateAgentDispatchRequest,
  CreateRoomRequest,
  CreateSIPDispatchRuleRequest,
  DeleteAgentDispatchRequest,
  DeleteRoomRequest,
  DeleteSIPDispatchRuleRequest,
  ListEgressRequest,
  ListParticipantsRequest,
  ListRoomsRequest,
  ListRoomsResponse,
  ListSIPDispatchRuleRequest,
  ListSIPDispatchRuleResponse,
  MuteRoomTrackRequest,
  Room,
  RoomCompositeEgressRequest,
  RoomParticipantIdentity,
  SendDataRequest,
  SIPDispatchRule,
  SIPDispatchRuleDirect,
  SIPDispatchRuleInfo,
  StopEgressRequest,
  UpdateParticipantRequest,
  UpdateRoomMetadataRequest,
} from "@livekit/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  apiToken,
  errorOf,
  fullToken,
  TwirpFleet,
  type TwirpRegion,
} from "../../support/rooms/twirp-fleet.ts";

interface Message {
  toBinary(): Uint8Array;
  toJson(options?: object): unknown;
}

type Encode = (message: Message) => Uint8Array | string;

const CODECS: readonly (readonly [string, Encode])[] = [
  ["protobuf", (message) => message.toBinary()],
  ["JSON", (message) => JSON.stringify(message.toJson())],
  ["JSON with names of the .proto file", (message) => snakeJson(message)],
];

function snakeJson(message: Message): string {
  return JSON.stringify(message.toJson({ useProtoFieldName: true }));
}

const ROOM = "standup";

/** The calls that Meet makes about a room, in the order of livekit-api's methods. */
const ROOM_CALLS: readonly (readonly [string, Message])[] = [
  ["RoomService/ListRooms", new ListRoomsRequest({ names: [ROOM] })],
  ["RoomService/SendData", new SendDataRequest({ room: ROOM, data: Buffer.from("hello") })],
  ["RoomService/UpdateRoomMetadata", new UpdateRoomMetadataRequest({ room: ROOM, metadata: "{}" })],
  ["RoomService/DeleteRoom", new DeleteRoomRequest({ room: ROOM })],
  [
    "RoomService/MutePublishedTrack",
    new MuteRoomTrackRequest({ room: ROOM, identity: "ada", trackSid: "TR_1", muted: true }),
  ],
  ["RoomService/RemoveParticipant", new RoomParticipantIdentity({ room: ROOM, identity: "ada" })],
  [
    "RoomService/UpdateParticipant",
    new UpdateParticipantRequest({ room: ROOM, identity: "ada", name: "Ada L." }),
  ],
  ["RoomService/GetParticipant", new RoomParticipantIdentity({ room: ROOM, identity: "ada" })],
  [
    "Egress/StartRoomCompositeEgress",
    new RoomCompositeEgressRequest({ roomName: ROOM, layout: "speaker" }),
  ],
  [
    "AgentDispatchService/CreateDispatch",
    new CreateAgentDispatchRequest({ room: ROOM, agentName: "subtitles" }),
  ],
  [
    "AgentDispatchService/DeleteDispatch",
    new DeleteAgentDispatchRequest({ room: ROOM, dispatchId: "AD_x" }),
  ],
  ["SIP/CreateSIPDispatchRule", ruleFor(ROOM)],
];

function ruleFor(roomName: string): CreateSIPDispatchRuleRequest {
  return new CreateSIPDispatchRuleRequest({
    rule: directRule(roomName),
    name: `SIP_${roomName}`,
  });
}

function directRule(roomName: string): SIPDispatchRule {
  return new SIPDispatchRule({
    rule: { case: "dispatchRuleDirect", value: new SIPDispatchRuleDirect({ roomName, pin: "1" }) },
  });
}

describe.each(CODECS)("the server API in %s", (_, encode) => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;
  let us: TwirpRegion;

  beforeEach(async () => {
    fleet = await new TwirpFleet().start();
    ({ eu, us } = fleet);
  });
  afterEach(() => fleet.stop());

  it.each(ROOM_CALLS)(
    "takes %s to the region that hosts the room, and nothing of it or its answer is changed",
    async (method, message) => {
      for (const [host, other] of [
        [eu, us],
        [us, eu],
      ] as const) {
        fleet.addRoom(ROOM, host, "ada");
        const body = encode(message);
        const token = fullToken();
        const answer = await eu.call(method, body, { token });
        const direct = JSON.stringify(host.liveKit.callsOf(method).map((call) => call.body));
        expect(direct).toBe(JSON.stringify([Buffer.from(body)]));
        const [call] = host.liveKit.callsOf(method);
        expect(call?.authorization).toBe(`Bearer ${token}`);
        expect(call?.contentType).toBe(
          typeof body === "string" ? "application/json" : "application/protobuf",
        );
        expect(other.liveKit.callsOf(method)).toEqual([]);
        // DeleteDispatch names one that is not there: what LiveKit says of that comes through as it is.
        expect(answer.status).toBe(method.endsWith("DeleteDispatch") ? 404 : 200);
        host.liveKit.calls.length = 0;
      }
    },
  );

  it("passes an answer on byte for byte", async () => {
    fleet.addRoom(ROOM, us, "ada");
    const body = encode(new RoomParticipantIdentity({ room: ROOM, identity: "ada" }));
    const through = await eu.call("RoomService/GetParticipant", body);
    const direct = await us.call("RoomService/GetParticipant", body);
    expect(through.body.equals(direct.body)).toBe(true);
    expect(through.contentType).toBe(direct.contentType);
    expect(through.body.toString()).toContain("ada");
  });

  it("passes LiveKit's own errors on", async () => {
    fleet.addRoom(ROOM, us, "ada");
    const body = encode(new RoomParticipantIdentity({ room: ROOM, identity: "bob" }));
    const answer = await eu.call("RoomService/GetParticipant", body);
    expect([answer.status, answer.contentType]).toEqual([404, "application/json"]);
    expect(errorOf(answer)).toEqual({ code: "not_found", msg: "participant does not exist" });
  });

  it.each(ROOM_CALLS.filter(([method]) => !/ListRooms|SIP/.test(method)))(
    "answers %s by itself where no region hosts the room",
    async (method, message) => {
      const answer = await eu.call(method, encode(message));
      expect(answer.status).toBe(404);
      expect(errorOf(answer)).toEqual({ code: "not_found", msg: "requested room does not exist" });
      expect([...eu.liveKit.calls, ...us.liveKit.calls]).toEqual([]);
    },
  );

  it("lists no room where no region hosts it, without asking anybody", async () => {
    const body = encode(new ListRoomsRequest({ names: [ROOM] }));
    const answer = await eu.call("RoomService/ListRooms", body);
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe(typeof body === "string" ? '{"rooms":[]}' : "");
    expect([...eu.liveKit.calls, ...us.liveKit.calls]).toEqual([]);
  });

  it("lists several rooms from the regions that host them, and left-overs elsewhere not", async () => {
    fleet.addRoom("a", eu);
    fleet.addRoom("b", us);
    eu.liveKit.addRoom("b");
    const body = encode(new ListRoomsRequest({ names: ["a", "b", "c"] }));
    const answer = await eu.call("RoomService/ListRooms", body);
    expect(roomsOf(answer.body, body)).toEqual([eu, us].map((one) => sidOf(one, one === eu)));
    expect(us.liveKit.callsOf("RoomService/ListRooms").length).toBe(1);
  });

  it("lists all rooms of all regions", async () => {
    fleet.addRoom("a", eu);
    fleet.addRoom("b", us);
    const body = encode(new ListRoomsRequest());
    const answer = await eu.call("RoomService/ListRooms", body);
    expect(roomsOf(answer.body, body).length).toBe(2);
  });

  it("makes a room where it is claimed, and clean before", async () => {
    for (const [room, host] of [
      ["a", eu],
      ["b", us],
    ] as const) {
      fleet.places.claimsGoTo = host.name;
      const body = encode(new CreateRoomRequest({ name: room, metadata: "m" }));
      const answer = await eu.call("RoomService/CreateRoom", body);
      expect(answer.status).toBe(200);
      expect(host.liveKit.rooms.has(room)).toBe(true);
      expect(host.liveKit.callsOf("RoomService/CreateRoom")[0]?.body).toEqual(Buffer.from(body));
    }
    expect(fleet.places.admitted).toEqual(["a@eu", "b@us"]);
  });

  it("lists telephone rules of all regions, and deletes one wherever it is", async () => {
    fleet.addRoom(ROOM, us);
    await eu.call("SIP/CreateSIPDispatchRule", encode(ruleFor(ROOM)));
    await eu.call("SIP/CreateSIPDispatchRule", encode(ruleFor("unhosted")));
    expect([us.liveKit.rules.size, eu.liveKit.rules.size]).toEqual([1, 1]);
    const list = encode(new ListSIPDispatchRuleRequest());
    const listed = await eu.call("SIP/ListSIPDispatchRule", list);
    const rules =
      typeof list === "string"
        ? jsonList(listed.body, "items").map((item) => SIPDispatchRuleInfo.fromJson(item as never))
        : ListSIPDispatchRuleResponse.fromBinary(listed.body).items;
    expect(rules.map(({ name }) => name)).toEqual(["SIP_unhosted", `SIP_${ROOM}`]);
    const [rule] = us.liveKit.rules.keys();
    const request = encode(new DeleteSIPDispatchRuleRequest({ sipDispatchRuleId: rule ?? "" }));
    const first = await eu.call("SIP/DeleteSIPDispatchRule", request);
    expect([first.status, us.liveKit.rules.size, eu.liveKit.rules.size]).toEqual([200, 0, 1]);
    const second = await eu.call("SIP/DeleteSIPDispatchRule", request);
    expect(errorOf(second).code).toBe("not_found");
  });

  it("stops and lists a recording wherever it runs", async () => {
    fleet.addRoom(ROOM, us);
    const { egressId } = us.liveKit.addEgress(new RoomCompositeEgressRequest({ roomName: ROOM }));
    const list = encode(new ListEgressRequest({ egressId }));
    const listed = await eu.call("Egress/ListEgress", list);
    expect(listed.body.toString()).toContain(egressId);
    const stop = encode(new StopEgressRequest({ egressId }));
    const stopped = await eu.call("Egress/StopEgress", stop);
    expect(stopped.status).toBe(200);
    expect(us.liveKit.callsOf("Egress/StopEgress")[0]?.body).toEqual(Buffer.from(stop));
    expect(eu.liveKit.callsOf("Egress/StopEgress")).toEqual([]);
  });

  function sidOf(region: TwirpRegion, isEu: boolean): string {
    return region.liveKit.rooms.get(isEu ? "a" : "b")?.sid ?? "";
  }
});

function roomsOf(answer: Buffer, request: Uint8Array | string): readonly string[] {
  const rooms =
    typeof request === "string"
      ? jsonList(answer, "rooms").map((room) => Room.fromJson(room as never))
      : ListRoomsResponse.fromBinary(answer).rooms;
  return rooms.map(({ sid }) => sid);
}

function jsonList(body: Buffer, key: string): readonly unknown[] {
  return (JSON.parse(body.toString()) as Record<string, unknown[]>)[key] ?? [];
}

describe("what the server API refuses", () => {
  let fleet: TwirpFleet;
  let eu: TwirpRegion;

  beforeEach(async () => {
    fleet = await new TwirpFleet().start();
    ({ eu } = fleet);
    fleet.addRoom(ROOM, eu, "ada");
  });
  afterEach(async () => {
    expect(eu.liveKit.calls).toEqual([]);
    await fleet.stop();
  });

  const now = Math.floor(Date.now() / 1000);
  it.each([
    ["no token", "", "there is no token"],
    ["a token of another key", apiToken({}, { iss: "other" }), "not an API key"],
    ["a token with another signature", apiToken({}, {}, "x"), "signature does not verify"],
    ["an expired token", apiToken({}, { exp: now - 61 }), "has expired"],
    ["a token of tomorrow", apiToken({}, { nbf: now + 90_000 }), "not good yet"],
    ["a token without an end", apiToken({}, { exp: undefined }), "HS256, with an issuer"],
    ["half a token", apiToken({}).slice(0, 40), "not a JWT"],
    ["an endless token", `a.${"b".repeat(20_000)}.c`, "not a JWT"],
  ])("%s: 401 as a Twirp error, and nothing is asked", async (_, token, sentence) => {
    const request = new ListParticipantsRequest({ room: ROOM });
    const answer = await eu.call("RoomService/ListParticipants", request.toBinary(), { token });
    expect([answer.status, errorOf(answer).code]).toEqual([401, "unauthenticated"]);
    expect(errorOf(answer).msg).toContain(sentence);
  });

  it.each([
    ["alg none", { alg: "none" }],
    ["another algorithm", { alg: "HS512" }],
  ])("a token with %s: 401", async (_, header) => {
    const [, payload, signature] = fullToken().split(".");
    const head = Buffer.from(JSON.stringify(header)).toString("base64url");
    const token = `${head}.${payload ?? ""}.${signature ?? ""}`;
    const answer = await eu.call("RoomService/ListRooms", "{}", { token });
    expect([answer.status, errorOf(answer).code]).toEqual([401, "unauthenticated"]);
  });

  it("a header that is no Bearer: 401", async () => {
    const headers = { authorization: "Basic abc" };
    const answer = await eu.call("RoomService/ListRooms", "{}", { headers });
    expect(errorOf(answer).msg).toBe("Authorization: there is no token.");
  });

  it("a token that may not make rooms claims none", async () => {
    const token = apiToken({ roomAdmin: true, room: "new" });
    const answer = await eu.call("RoomService/CreateRoom", '{"name":"new"}', { token });
    expect(errorOf(answer)).toEqual({ code: "unauthenticated", msg: "permissions denied" });
    expect(fleet.places.hosts.has("new")).toBe(false);
  });

  it("a room without a name, or with one that LiveKit would not take, is not claimed", async () => {
    const none = await eu.call("RoomService/CreateRoom", "{}");
    expect(errorOf(none)).toEqual({ code: "invalid_argument", msg: "no room name" });
    const long = await eu.call("RoomService/CreateRoom", JSON.stringify({ name: "é".repeat(129) }));
    expect(errorOf(long).msg).toBe("room name length exceeds limits: max length 256");
    expect(fleet.places.hosts.size).toBe(1);
  });

  it.each([
    ["Egress/StartWebEgress", '{"url":"https://example.org"}'],
    ["SIP/CreateSIPInboundTrunk", '{"trunk":{}}'],
    ["RoomService/PerformMagic", "{}"],
    ["RoomService/UpdateParticipant", "{}"],
    ["Egress/StartRoomCompositeEgress", "{}"],
  ])("%s without a room, with a sentence that says so", async (method, body) => {
    const answer = await eu.call(method, body);
    expect([answer.status, errorOf(answer).code]).toEqual([501, "unimplemented"]);
    expect(errorOf(answer).msg).toBe(
      `${method}: the call names no room, so no region can be found for it. ` +
        "Send it to the LiveKit of a region.",
    );
  });

  it.each([
    ["Ingress/CreateIngress", "application/json", "There is no such service here"],
    ["RoomService/a/b", "application/json", "There is no such service here"],
    ["RoomService/ListRooms", "text/plain", "the Content-Type must be application/protobuf"],
    ["RoomService/ListRooms", "", "the Content-Type must be application/protobuf"],
  ])("%s as %s: bad_route", async (method, contentType, sentence) => {
    const answer = await eu.call(method, "{}", { contentType });
    expect([answer.status, errorOf(answer).code]).toEqual([404, "bad_route"]);
    expect(errorOf(answer).msg).toContain(sentence);
  });

  it("a GET: bad_route", async () => {
    const response = await fetch(`${eu.url()}/twirp/livekit.RoomService/ListRooms`);
    expect(await response.json()).toEqual({
      code: "bad_route",
      msg: "RoomService/ListRooms: only POST is allowed.",
    });
  });

  it.each([
    ["no JSON", "{", "the body is not a JSON object"],
    ["a list", "[]", "the body is not a JSON object"],
    ["a room that is a number", '{"room":7}', "the field room is not a string"],
    ["a message that is a string", '{"rule":"x"}', "a message is not an object"],
  ])("%s: malformed", async (_, body, sentence) => {
    const method = body.includes("rule") ? "SIP/CreateSIPDispatchRule" : "RoomService/SendData";
    const answer = await eu.call(method, body);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toEqual({
      code: "malformed",
      msg: `The request could not be decoded: ${sentence}.`,
    });
  });

  it("the same field under both of its names: malformed", async () => {
    const body = '{"room_name":"a","roomName":"b"}';
    const answer = await eu.call("Egress/StartRoomCompositeEgress", body);
    expect(errorOf(answer).msg).toContain("the field room_name is there twice");
  });

  it("a list of more rooms than are looked for", async () => {
    const names = Array.from({ length: 201 }, (_, at) => `r${at}`);
    const answer = await eu.call("RoomService/ListRooms", JSON.stringify({ names }));
    expect(errorOf(answer)).toEqual({
      code: "invalid_argument",
      msg: "201 names are more than 200: each room is looked for by itself.",
    });
  });

  it("a body above 10 MiB", async () => {
    const answer = await eu.call("RoomService/SendData", Buffer.alloc(10 * 1024 * 1024 + 1));
    expect(errorOf(answer)).toEqual({
      code: "invalid_argument",
      msg: "The body has more than 10485760 bytes.",
    });
  });

  it("a request with a peer's token that does not verify", async () => {
    const headers = { "x-meet-peer": "forged" };
    const answer = await eu.call("RoomService/ListRooms", "{}", { headers });
    expect(errorOf(answer)).toEqual({
      code: "unauthenticated",
      msg: "x-meet-peer: the token does not verify.",
    });
  });
});

describe("methods that are newer than the table", () => {
  let fleet: TwirpFleet;
  beforeEach(async () => {
    fleet = await new TwirpFleet().start();
    fleet.addRoom(ROOM, fleet.us);
  });
  afterEach(() => fleet.stop());

  it.each([
    ["RoomService/PerformMagic", JSON.stringify({ room: ROOM })],
    ["RoomService/PerformMagic", new DeleteRoomRequest({ room: ROOM }).toBinary()],
    ["AgentDispatchService/Recall", new CreateAgentDispatchRequest({ room: ROOM }).toBinary()],
    ["SIP/CreateSIPThing", JSON.stringify({ room_name: ROOM })],
  ])("%s goes where the room is", async (method, body) => {
    const answer = await fleet.eu.call(method, body);
    expect(errorOf(answer).code).toBe("bad_route");
    expect(fleet.us.liveKit.callsOf(method).length).toBe(1);
    expect(fleet.eu.liveKit.calls).toEqual([]);
    expect(fleet.eu.metrics).toEqual(["other bad_route"]);
  });

  it("says bad_route where LiveKit answers a path in plain text", async () => {
    fleet.us.liveKit.misdeeds.set("RoomService/PerformMagic", {
      kind: "answer",
      status: 404,
      body: "404 page not found",
    });
    const body = JSON.stringify({ room: ROOM });
    const answer = await fleet.eu.call("RoomService/PerformMagic", body);
    expect(errorOf(answer)).toEqual({
      code: "bad_route",
      msg: "LiveKit does not know RoomService/PerformMagic.",
    });
  });
});
