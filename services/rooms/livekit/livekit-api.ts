import {
  AgentDispatch,
  CreateAgentDispatchRequest,
  CreateRoomRequest,
  DeleteRoomRequest,
  DeleteRoomResponse,
  EgressInfo,
  ListAgentDispatchRequest,
  ListAgentDispatchResponse,
  ListEgressRequest,
  ListEgressResponse,
  ListParticipantsRequest,
  ListParticipantsResponse,
  ListRoomsRequest,
  ListRoomsResponse,
  RemoveParticipantResponse,
  Room,
  RoomParticipantIdentity,
  StopEgressRequest,
  UpdateRoomMetadataRequest,
  type ParticipantInfo,
} from "@livekit/protocol";
import { LiveKitDown } from "../placement/ports.ts";
import { askWithEach, type TokenSigners } from "../tokens/each-key.ts";
import { HttpCaller, NoAnswer, NotSent, type HttpAnswer } from "./http-caller.ts";
import { parseTwirpError, TwirpError } from "./twirp-error.ts";

/** Seconds for which a token of the gateway's own is good: one call and clocks that differ. */
const TOKEN_SECONDS = 120;

/** What a token of the gateway's own allows (livekit/protocol, auth/grants.go). */
export interface AdminGrants {
  readonly roomCreate?: boolean;
  readonly roomList?: boolean;
  readonly roomRecord?: boolean;
  readonly roomAdmin?: boolean;
  readonly room?: string;
}

/** Signs tokens with the deployment's LiveKit keys. */
export interface TokenMint extends TokenSigners {
  /** A token of the gateway's own, signed with the current key. */
  mint(grants: AdminGrants, ttlSeconds: number): string | Promise<string>;
}

/** A message of LiveKit's protocol that goes over the wire, and the type of one that comes back. */
interface Message {
  toBinary(): Uint8Array;
}
interface MessageType<T> {
  fromBinary(bytes: Uint8Array): T;
}

/** A call that may be made again if a kept connection broke under it, or one that must not. */
type Repeatable = "repeatable" | "once";

/**
 * The server API of this region's LiveKit, in the gateway's own name.
 *
 * @throws LiveKitDown from each method where LiveKit refuses, is silent for `timeoutMs`, or answers 5xx
 * @throws TwirpError from each method for any other error, except a not_found that the method says it expects
 */
export class LiveKitApi {
  private readonly caller: HttpCaller;
  private readonly tokens: TokenMint;
  private readonly timeoutMs: number;

  /** @param timeoutMs milliseconds for one call, 2000 by default */
  constructor(url: string, tokens: TokenMint, timeoutMs = 2000) {
    this.caller = new HttpCaller(url);
    this.tokens = tokens;
    this.timeoutMs = timeoutMs;
  }

  /** Makes the room, or finds it as it is. */
  createRoom(name: string, metadata = ""): Promise<Room> {
    const request = new CreateRoomRequest({ name, metadata });
    return this.call("RoomService/CreateRoom", { roomCreate: true }, request, Room);
  }

  /** Deletes the room. False if there is none. */
  async deleteRoom(room: string): Promise<boolean> {
    const call = this.call(
      "RoomService/DeleteRoom",
      { roomCreate: true },
      new DeleteRoomRequest({ room }),
      DeleteRoomResponse,
      // A second deletion could meet the room that was made after the first.
      "once",
    );
    return (await unlessNotFound(call)) !== undefined;
  }

  /** The rooms of these names that there are; all without names. Rooms of crashed nodes are among them. */
  async listRooms(names: readonly string[] = []): Promise<readonly Room[]> {
    const request = new ListRoomsRequest({ names: [...names] });
    const path = "RoomService/ListRooms";
    return (await this.call(path, { roomList: true }, request, ListRoomsResponse)).rooms;
  }

  /** Who is in the room; nobody where there is none. */
  async listParticipants(room: string): Promise<readonly ParticipantInfo[]> {
    const call = this.call(
      "RoomService/ListParticipants",
      { roomAdmin: true, room },
      new ListParticipantsRequest({ room }),
      ListParticipantsResponse,
    );
    return (await unlessNotFound(call))?.participants ?? [];
  }

  /** Removes a participant. False if there is none, or no room. */
  async removeParticipant(room: string, identity: string): Promise<boolean> {
    const call = this.call(
      "RoomService/RemoveParticipant",
      { roomAdmin: true, room },
      new RoomParticipantIdentity({ room, identity }),
      RemoveParticipantResponse,
      // Somebody of that name may have joined again in between.
      "once",
    );
    return (await unlessNotFound(call)) !== undefined;
  }

  /** Sets the room's metadata. False if there is no room. */
  async updateRoomMetadata(room: string, metadata: string): Promise<boolean> {
    const call = this.call(
      "RoomService/UpdateRoomMetadata",
      { roomAdmin: true, room },
      new UpdateRoomMetadataRequest({ room, metadata }),
      Room,
    );
    return (await unlessNotFound(call)) !== undefined;
  }

  /** The agents sent to the room; none where there is no room. */
  async listDispatch(room: string): Promise<readonly AgentDispatch[]> {
    const call = this.call(
      "AgentDispatchService/ListDispatch",
      { roomAdmin: true, room },
      new ListAgentDispatchRequest({ room }),
      ListAgentDispatchResponse,
    );
    return (await unlessNotFound(call))?.agentDispatches ?? [];
  }

  /** Sends an agent to the room. */
  createDispatch(room: string, agentName: string, metadata: string): Promise<AgentDispatch> {
    return this.call(
      "AgentDispatchService/CreateDispatch",
      { roomAdmin: true, room },
      new CreateAgentDispatchRequest({ room, agentName, metadata }),
      AgentDispatch,
      "once",
    );
  }

  /** Recordings by room or id, of the last 24 hours if they have ended; none where the id is unknown. */
  async listEgress(filter: {
    readonly roomName?: string;
    readonly egressId?: string;
    readonly active?: boolean;
  }): Promise<readonly EgressInfo[]> {
    const call = this.call(
      "Egress/ListEgress",
      { roomRecord: true },
      new ListEgressRequest({ ...filter }),
      ListEgressResponse,
    );
    return (await unlessNotFound(call))?.items ?? [];
  }

  /** Stops a recording; its file is finished and uploaded. Undefined where the id is unknown. */
  stopEgress(egressId: string): Promise<EgressInfo | undefined> {
    const request = new StopEgressRequest({ egressId });
    const grants = { roomRecord: true };
    return unlessNotFound(this.call("Egress/StopEgress", grants, request, EgressInfo, "once"));
  }

  /** Closes the connections to LiveKit. */
  close(): void {
    this.caller.close();
  }

  private async call<T>(
    method: string,
    grants: AdminGrants,
    request: Message,
    type: MessageType<T>,
    repeatable: Repeatable = "repeatable",
  ): Promise<T> {
    const token = await this.tokens.mint(grants, TOKEN_SECONDS);
    const answer = await askWithEach(
      this.tokens.signedByEach(token),
      (one) => this.send(method, one, request.toBinary(), repeatable),
      ({ status }) => status,
    );
    if (answer.status === 200) {
      try {
        return type.fromBinary(answer.body);
      } catch {
        throw new LiveKitDown(`LiveKit ${method}: it answered what its protocol does not know.`);
      }
    }
    const error = parseTwirpError(answer.body);
    if (answer.status >= 500 || error === undefined || error.code === "deadline_exceeded") {
      const said = error === undefined ? "" : ` (${error.code}: ${error.message})`;
      throw new LiveKitDown(`LiveKit ${method}: it answered ${answer.status}${said}.`);
    }
    throw error;
  }

  private async send(
    method: string,
    token: string,
    body: Uint8Array,
    repeatable: Repeatable,
  ): Promise<HttpAnswer> {
    const isOnce = repeatable === "once";
    const call = {
      method: "POST",
      path: `/twirp/livekit.${method}`,
      headers: { "content-type": "application/protobuf", authorization: `Bearer ${token}` },
      body,
      timeoutMs: this.timeoutMs,
    } as const;
    try {
      return await this.caller.call({ ...call, isFresh: isOnce });
    } catch (error) {
      if (!(error instanceof NotSent || error instanceof NoAnswer)) {
        throw error;
      }
      if (error instanceof NoAnswer && error.wasStale && !isOnce) {
        return this.send(method, token, body, "once");
      }
      throw new LiveKitDown(`LiveKit ${method}: ${error.message}`);
    }
  }
}

/** The result, or undefined where LiveKit says not_found. */
async function unlessNotFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof TwirpError && error.code === "not_found") {
      return undefined;
    }
    throw error;
  }
}
