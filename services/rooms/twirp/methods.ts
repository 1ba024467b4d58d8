import type { FieldName, FieldPath } from "./twirp-body.ts";

/** How the region of a call is found. */
export type Route =
  /** The one that hosts the room named there. */
  | { readonly to: "room"; readonly room: FieldPath; readonly whenAbsent?: EmptyList }
  /** The one that hosts the room, claimed if none does. */
  | { readonly to: "new-room"; readonly room: FieldPath }
  /** The ones that host the rooms listed there; all regions if none is. */
  | { readonly to: "rooms"; readonly names: FieldName; readonly list: EmptyList }
  /** The one that hosts the room; what starts too late is stopped. */
  | { readonly to: "egress-start"; readonly room: FieldPath }
  /** The one whose recording it is. */
  | { readonly to: "egress"; readonly id: FieldPath }
  /** The one whose recording it is, or all regions' recordings together. */
  | { readonly to: "egress-list"; readonly id: FieldPath; readonly list: EmptyList }
  /** The one that hosts the room if it names one that is hosted, this region otherwise. */
  | { readonly to: "room-or-here"; readonly rooms: readonly FieldPath[] }
  /** All regions, the lists put together. */
  | { readonly to: "all"; readonly list: EmptyList }
  /** All regions; who has it, answers. */
  | { readonly to: "holder" }
  /** None can be found. */
  | { readonly to: "nowhere" };

/** The repeated field of an answer that is a list. Its number is 1 in every list of LiveKit. */
export interface EmptyList {
  readonly list: string;
}

/** A method of LiveKit's server API. */
export interface Method {
  readonly route: Route;
  /** True if a second call does no more than the first: a look, and nothing else. */
  readonly isLook: boolean;
}

const field = (number: number, name: string): FieldName => ({ number, name });
const room = field(1, "room");
const secondRoom = field(2, "room");
const roomName = field(1, "room_name");
const egressId = field(1, "egress_id");

const look = (route: Route): Method => ({ route, isLook: true });
const act = (route: Route): Method => ({ route, isLook: false });
const actInRoom = (name: FieldName): Method => act({ to: "room", room: [name] });
const startIn = (name: FieldName): Method => act({ to: "egress-start", room: [name] });
const listed = (list: string): EmptyList => ({ list });

/** By field number of CreateSIPDispatchRule: the old way, which livekit-api 1.2.0 uses, and the new one. */
const RULE_ROOMS: readonly FieldPath[] = [
  [field(1, "rule"), field(1, "dispatch_rule_direct"), roomName],
  [field(10, "dispatch_rule"), field(2, "rule"), field(1, "dispatch_rule_direct"), roomName],
];

/**
 * The methods that are routed, with the numbers of livekit/protocol (protobufs/livekit_*.proto, v1.50). Meet 1.27 calls
 * sixteen of them; the others are there for tools.
 */
const METHODS: ReadonlyMap<string, Method> = new Map([
  ["RoomService/CreateRoom", act({ to: "new-room", room: [field(1, "name")] })],
  ["RoomService/ListRooms", look({ to: "rooms", names: field(1, "names"), list: listed("rooms") })],
  ["RoomService/DeleteRoom", actInRoom(room)],
  [
    "RoomService/ListParticipants",
    look({ to: "room", room: [room], whenAbsent: listed("participants") }),
  ],
  ["RoomService/GetParticipant", look({ to: "room", room: [room] })],
  ["AgentDispatchService/CreateDispatch", actInRoom(secondRoom)],
  ["AgentDispatchService/DeleteDispatch", actInRoom(secondRoom)],
  ["AgentDispatchService/ListDispatch", look({ to: "room", room: [secondRoom] })],
  ["Egress/StartEgress", startIn(roomName)],
  ["Egress/StartRoomCompositeEgress", startIn(roomName)],
  ["Egress/StartParticipantEgress", startIn(roomName)],
  ["Egress/StartTrackCompositeEgress", startIn(roomName)],
  ["Egress/StartTrackEgress", startIn(roomName)],
  ["Egress/StartWebEgress", act({ to: "nowhere" })],
  ["Egress/UpdateLayout", act({ to: "egress", id: [egressId] })],
  ["Egress/UpdateStream", act({ to: "egress", id: [egressId] })],
  ["Egress/StopEgress", act({ to: "egress", id: [egressId] })],
  [
    "Egress/ListEgress",
    look({ to: "egress-list", id: [field(2, "egress_id")], list: listed("items") }),
  ],
  ["SIP/CreateSIPDispatchRule", act({ to: "room-or-here", rooms: RULE_ROOMS })],
  ["SIP/ListSIPDispatchRule", look({ to: "all", list: listed("items") })],
  ["SIP/DeleteSIPDispatchRule", act({ to: "holder" })],
  ["SIP/CreateSIPParticipant", actInRoom(field(3, "room_name"))],
  ["SIP/TransferSIPParticipant", actInRoom(field(2, "room_name"))],
]);

const SERVICES: readonly string[] = ["RoomService", "AgentDispatchService", "Egress", "SIP"];

/** The method of that name; undefined for a service that LiveKit does not have, or that is not served here. */
export function findMethod(service: string, method: string): Method | undefined {
  const known = METHODS.get(`${service}/${method}`);
  if (known !== undefined || !SERVICES.includes(service)) {
    return known;
  }
  return { route: { to: "room", room: [usualRoom(service)] }, isLook: false };
}

/** True for a method of the table: names that clients make up are no labels of a metric. */
export function isKnownMethod(service: string, method: string): boolean {
  return METHODS.has(`${service}/${method}`);
}

/**
 * Where a method that is newer than this table names its room: every request of RoomService but those above has it in
 * field 1, of AgentDispatchService in field 2. In the others no number can be counted on, so only JSON says it.
 */
function usualRoom(service: string): FieldName {
  switch (service) {
    case "RoomService":
      return room;
    case "AgentDispatchService":
      return secondRoom;
    default:
      return field(0, "room_name");
  }
}
