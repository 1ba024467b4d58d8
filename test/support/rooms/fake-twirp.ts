import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import {
  AgentDispatch,
  CreateAgentDispatchRequest,
  CreateRoomRequest,
  CreateSIPDispatchRuleRequest,
  DeleteAgentDispatchRequest,
  DeleteRoomRequest,
  DeleteRoomResponse,
  DeleteSIPDispatchRuleRequest,
  EgressInfo,
  EgressStatus,
  ListAgentDispatchRequest,
  ListAgentDispatchResponse,
  ListEgressRequest,
  ListEgressResponse,
  ListParticipantsRequest,
  ListParticipantsResponse,
  ListRoomsRequest,
  ListRoomsResponse,
  ListSIPDispatchRuleRequest,
  ListSIPDispatchRuleResponse,
  MuteRoomTrackRequest,
  MuteRoomTrackResponse,
  ParticipantInfo,
  RemoveParticipantResponse,
  Room,
  RoomCompositeEgressRequest,
  RoomParticipantIdentity,
  SendDataRequest,
  SendDataResponse,
  SIPDispatchRuleInfo,
  StopEgressRequest,
  UpdateParticipantRequest,
  UpdateRoomMetadataRequest,
} from "@livekit/protocol";
import { grantFault } from "./fake-grants.ts";

/** A call as it arrived. */
export interface FakeCall {
  readonly method: string;
  readonly contentType: string;
  readonly authorization: string;
  readonly body: Buffer;
}

/** What the fake does with a call instead of answering it. */
export type Misdeed =
  /** Answers after so many milliseconds; the effect is there at once unless `late`. */
  | { readonly kind: "delay"; readonly ms: number; readonly isLate?: boolean }
  /** Never answers; has no effect. */
  | { readonly kind: "silence" }
  /** Has its effect and destroys the connection without an answer. */
  | { readonly kind: "cut" }
  /** Answers this. */
  | { readonly kind: "answer"; readonly status: number; readonly body: string };

interface Message {
  toBinary(): Uint8Array;
  toJson(options?: object): unknown;
}

interface MessageType<T extends Message> {
  fromBinary(bytes: Uint8Array): T;
  fromJson(json: never, options?: object): T;
}

class Refused extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const notFound = (what: string): Refused => new Refused("not_found", 404, what);
const NO_ROOM = "requested room does not exist";

/**
 * LiveKit's server API over rooms that are only remembered, in protobuf and JSON. It answers as
 * livekit/livekit 1.13.5 (pkg/service) does, keeps every call, and can be told to misbehave by method.
 */
export class FakeTwirp {
  readonly name: string;
  readonly rooms = new Map<string, Room>();
  readonly participants = new Map<string, ParticipantInfo[]>();
  readonly egress = new Map<string, EgressInfo>();
  readonly dispatches = new Map<string, AgentDispatch>();
  readonly rules = new Map<string, SIPDispatchRuleInfo>();
  readonly calls: FakeCall[] = [];
  readonly misdeeds = new Map<string, Misdeed>();
  /** What `/` answers; 0 for silence. */
  health = 200;
  private readonly server: Server;
  private count = 0;

  constructor(name: string) {
    this.name = name;
    this.server = createServer((request, response) => {
      void this.serve(request, response);
    });
  }

  /** Called with each upgrade; without it they are refused. */
  onUpgrade(take: (request: IncomingMessage, socket: Duplex) => void): void {
    this.server.on("upgrade", take);
  }

  /** Listens on a port of its own; or on one it had before. */
  async listen(port = 0, host = "127.0.0.1"): Promise<string> {
    await new Promise<void>((resolve) => {
      this.server.listen(port, host, resolve);
    });
    return this.url();
  }

  url(): string {
    return `http://127.0.0.1:${this.port()}`;
  }

  port(): number {
    const address = this.server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    this.server.closeAllConnections();
    await closed;
  }

  /** Calls of one method. */
  callsOf(method: string): readonly FakeCall[] {
    return this.calls.filter((call) => call.method === method);
  }

  addRoom(name: string): Room {
    const room = new Room({ name, sid: this.id("RM"), metadata: "" });
    this.rooms.set(name, room);
    return room;
  }

  addParticipant(room: string, identity: string): void {
    const info = new ParticipantInfo({ identity, sid: this.id("PA") });
    this.participants.set(room, [...(this.participants.get(room) ?? []), info]);
  }

  addEgress(request: RoomCompositeEgressRequest): EgressInfo {
    const info = new EgressInfo({
      egressId: this.id("EG"),
      roomName: request.roomName,
      status: EgressStatus.EGRESS_STARTING,
      request: { case: "roomComposite", value: request },
    });
    this.egress.set(info.egressId, info);
    return info;
  }

  private id(prefix: string): string {
    this.count += 1;
    return `${prefix}_${this.name}${this.count}`;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) {
        chunks.push(Buffer.from(chunk as Uint8Array));
      }
    } catch {
      return;
    }
    if (request.url === "/") {
      if (this.health !== 0) {
        response.writeHead(this.health).end(this.health === 200 ? "OK" : "Not Ready");
      }
      return;
    }
    const method = (request.url ?? "").replace("/twirp/livekit.", "");
    const contentType = request.headers["content-type"] ?? "";
    const body = Buffer.concat(chunks);
    const authorization = request.headers.authorization ?? "";
    this.calls.push({ method, contentType, authorization, body });
    await this.answer({ method, contentType, authorization, body }, response);
  }

  private async answer(call: FakeCall, response: ServerResponse): Promise<void> {
    const misdeed = this.misdeeds.get(call.method);
    if (misdeed?.kind === "silence") {
      return;
    }
    if (misdeed?.kind === "answer") {
      response.writeHead(misdeed.status, { "content-type": "application/json" });
      response.end(misdeed.body);
      return;
    }
    if (misdeed?.kind === "delay" && misdeed.isLate === true) {
      await new Promise((resolve) => setTimeout(resolve, misdeed.ms));
    }
    const { status, contentType, body } = this.result(call);
    if (misdeed?.kind === "cut") {
      response.socket?.destroy();
      return;
    }
    if (misdeed?.kind === "delay" && misdeed.isLate !== true) {
      await new Promise((resolve) => setTimeout(resolve, misdeed.ms));
    }
    response.writeHead(status, { "content-type": contentType }).end(body);
  }

  private result(call: FakeCall): {
    readonly status: number;
    readonly contentType: string;
    readonly body: Uint8Array | string;
  } {
    const isJson = call.contentType.startsWith("application/json");
    try {
      const message = this.perform(call, isJson);
      if (!isJson) {
        return { status: 200, contentType: call.contentType, body: message.toBinary() };
      }
      // As LiveKit's Twirp does: names as in the .proto file, unset fields written out.
      const json = message.toJson({ emitDefaultValues: true, useProtoFieldName: true });
      return { status: 200, contentType: "application/json", body: JSON.stringify(json) };
    } catch (error) {
      const refused =
        error instanceof Refused ? error : new Refused("malformed", 400, "could not be decoded");
      return {
        status: refused.status,
        contentType: "application/json",
        body: JSON.stringify({ code: refused.code, msg: refused.message }),
      };
    }
  }

  private perform(call: FakeCall, isJson: boolean): Message {
    const read = <T extends Message>(type: MessageType<T>): T =>
      isJson
        ? type.fromJson(JSON.parse(call.body.toString()) as never, { ignoreUnknownFields: true })
        : type.fromBinary(call.body);
    const fault = grantFault(call.method, call.authorization);
    if (fault !== undefined) {
      throw new Refused("unauthenticated", 401, fault);
    }
    switch (call.method) {
      case "RoomService/CreateRoom": {
        const request = read(CreateRoomRequest);
        return this.rooms.get(request.name) ?? this.addRoom(request.name);
      }
      case "RoomService/ListRooms": {
        const { names } = read(ListRoomsRequest);
        const all = [...this.rooms.values()];
        const rooms = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
        return new ListRoomsResponse({ rooms });
      }
      case "RoomService/DeleteRoom":
        this.room(read(DeleteRoomRequest).room, (name) => this.rooms.delete(name));
        return new DeleteRoomResponse();
      case "RoomService/ListParticipants":
        return new ListParticipantsResponse({
          participants: this.participants.get(read(ListParticipantsRequest).room) ?? [],
        });
      case "RoomService/GetParticipant": {
        const { room, identity } = read(RoomParticipantIdentity);
        return this.participant(room, identity);
      }
      case "RoomService/RemoveParticipant": {
        const { room, identity } = read(RoomParticipantIdentity);
        const gone = this.participant(room, identity);
        const left = this.participants.get(room)?.filter((one) => one !== gone) ?? [];
        this.participants.set(room, left);
        return new RemoveParticipantResponse();
      }
      case "RoomService/MutePublishedTrack": {
        const { room, identity } = read(MuteRoomTrackRequest);
        this.participant(room, identity);
        return new MuteRoomTrackResponse();
      }
      case "RoomService/UpdateParticipant": {
        const { room, identity, name } = read(UpdateParticipantRequest);
        const found = this.participant(room, identity);
        found.name = name;
        return found;
      }
      case "RoomService/SendData":
        this.room(read(SendDataRequest).room);
        return new SendDataResponse();
      case "RoomService/UpdateRoomMetadata": {
        const { room, metadata } = read(UpdateRoomMetadataRequest);
        const found = this.room(room);
        found.metadata = metadata;
        return found;
      }
      case "AgentDispatchService/CreateDispatch": {
        const { room, agentName, metadata } = read(CreateAgentDispatchRequest);
        this.room(room);
        const dispatch = new AgentDispatch({ id: this.id("AD"), room, agentName, metadata });
        this.dispatches.set(dispatch.id, dispatch);
        return dispatch;
      }
      case "AgentDispatchService/DeleteDispatch": {
        const { room, dispatchId } = read(DeleteAgentDispatchRequest);
        this.room(room);
        const dispatch = this.dispatches.get(dispatchId);
        this.dispatches.delete(dispatchId);
        return dispatch ?? fail(notFound("dispatch does not exist"));
      }
      case "AgentDispatchService/ListDispatch": {
        const { room } = read(ListAgentDispatchRequest);
        this.room(room);
        const agentDispatches = [...this.dispatches.values()].filter((one) => one.room === room);
        return new ListAgentDispatchResponse({ agentDispatches });
      }
      case "Egress/StartRoomCompositeEgress": {
        const request = read(RoomCompositeEgressRequest);
        this.room(request.roomName);
        return this.addEgress(request);
      }
      case "Egress/StopEgress": {
        const info = this.egress.get(read(StopEgressRequest).egressId);
        if (info === undefined) {
          throw notFound("egress does not exist");
        }
        info.status = EgressStatus.EGRESS_ENDING;
        return info;
      }
      case "Egress/ListEgress":
        return this.listEgress(read(ListEgressRequest));
      case "SIP/CreateSIPDispatchRule": {
        // The old fields are the ones that livekit-api 1.2.0, Meet's library, fills in.
        // eslint-disable-next-line @typescript-eslint/no-deprecated
        const { rule, name } = read(CreateSIPDispatchRuleRequest);
        const info = new SIPDispatchRuleInfo({
          sipDispatchRuleId: this.id("SDR"),
          name,
          ...(rule === undefined ? {} : { rule }),
        });
        this.rules.set(info.sipDispatchRuleId, info);
        return info;
      }
      case "SIP/ListSIPDispatchRule":
        read(ListSIPDispatchRuleRequest);
        return new ListSIPDispatchRuleResponse({ items: [...this.rules.values()] });
      case "SIP/DeleteSIPDispatchRule": {
        const id = read(DeleteSIPDispatchRuleRequest).sipDispatchRuleId;
        const rule = this.rules.get(id);
        this.rules.delete(id);
        return rule ?? fail(notFound("requested sip dispatch rule does not exist"));
      }
      default:
        throw new Refused("bad_route", 404, `no handler for path ${call.method}`);
    }
  }

  private listEgress({ egressId, roomName, active }: ListEgressRequest): ListEgressResponse {
    if (egressId !== "") {
      const info = this.egress.get(egressId);
      return new ListEgressResponse({
        items: [info ?? fail(notFound("egress does not exist"))],
      });
    }
    const items = [...this.egress.values()].filter(
      (info) =>
        (roomName === "" || info.roomName === roomName) &&
        (!active || info.status < EgressStatus.EGRESS_COMPLETE),
    );
    return new ListEgressResponse({ items });
  }

  private room(name: string, effect?: (name: string) => void): Room {
    const found = this.rooms.get(name) ?? fail(notFound(NO_ROOM));
    effect?.(name);
    return found;
  }

  private participant(room: string, identity: string): ParticipantInfo {
    const found = this.participants.get(room)?.find((one) => one.identity === identity);
    return found ?? fail(notFound("participant does not exist"));
  }
}

function fail(error: Error): never {
  throw error;
}
