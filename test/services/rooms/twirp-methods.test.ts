import {
  CreateAgentDispatchRequest,
  CreateRoomRequest,
  CreateSIPDispatchRuleRequest,
  DeleteAgentDispatchRequest,
  DeleteRoomRequest,
  DeleteSIPDispatchRuleRequest,
  ListEgressRequest,
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
