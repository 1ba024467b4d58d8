import type * as z from "zod";
import { NoAnswer, type HttpAnswer } from "../livekit/http-caller.ts";
import type { Claim } from "../placement/claim.ts";
import { PeerUnreachable, StoreAway } from "../placement/ports.ts";
import type {
  Carried,
  PeerKnowledge,
  PutResult,
  RegionStatus,
  RoomCount,
} from "../placement/ports.ts";
import type { Pin } from "../store/pins-store.ts";
import type { MemberList } from "./member-list.ts";
import {
  claimMessageSchema,
  claimsSchema,
  countSchema,
  doneSchema,
  heldSchema,
  knowledgeSchema,
  pinMessageSchema,
  pinsSchema,
  probeAnswerSchema,
  putResultSchema,
  refusalSchema,
  statusAnswerSchema,
  type StatusAnswer,
} from "./messages.ts";
import type { PeerConnections } from "./peer-connections.ts";
import { PEER_HEADER, type RequestSigner } from "./peer-token.ts";

/** Where the calls between gateways are. */
export const PEER_PATH = "/peer/v1/";

/** Milliseconds for one call; a region on the other side of the world answers in 300. */
const CALL_MS = 1000;

/** Milliseconds for the call that makes a room clean and carries it over: some calls to LiveKit, one after another. */
const PREPARE_MS = 10_000;

/** The calls to the gateways of other regions. Each may be made twice: it has no more effect than made once. */
export class PeerCalls {
  private readonly connections: PeerConnections;
  private readonly signer: RequestSigner;

  constructor(connections: PeerConnections, signer: RequestSigner) {
    this.connections = connections;
    this.signer = signer;
  }

  /** A region's status, and the member list as it knows it. */
  poll(region: string): Promise<StatusAnswer> {
    return this.call(region, "status", {}, statusAnswerSchema);
  }

  /** Says that this region is there. */
  announce(region: string, members: MemberList): Promise<StatusAnswer> {
    return this.call(region, "announce", { members }, statusAnswerSchema);
  }

  read(region: string, room: string): Promise<PeerKnowledge> {
    return this.call(region, "read", { room }, knowledgeSchema);
  }

  async readAll(region: string, rooms: readonly string[]): Promise<readonly Claim[]> {
    return (await this.call(region, "read-all", { rooms }, heldSchema)).claims;
  }

  put(region: string, claim: Claim, expected: Claim | undefined): Promise<PutResult> {
    return this.call(region, "put", { claim, expected }, putResultSchema);
  }

  async merge(region: string, claim: Claim): Promise<Claim> {
    return (await this.call(region, "merge", { claim }, claimMessageSchema)).claim;
  }

  async probe(region: string, target: string): Promise<RegionStatus | undefined> {
    return (await this.call(region, "probe", { target }, probeAnswerSchema)).status;
  }

  claims(
    region: string,
    cursor: string,
  ): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }> {
    return this.call(region, "claims", { cursor }, claimsSchema);
  }

  count(region: string, room: string): Promise<RoomCount> {
    return this.call(region, "count", { room }, countSchema);
  }

  async expectRejoin(region: string, room: string, identities: readonly string[]): Promise<void> {
    await this.call(region, "expect-rejoin", { room, identities }, doneSchema);
  }

  async heal(region: string, room: string): Promise<void> {
    await this.call(region, "heal", { room }, doneSchema);
  }

  /** Writes a pin unless the region has a later one; gives the one that holds there. */
  async putPin(region: string, pin: Pin): Promise<Pin> {
    return (await this.call(region, "pin", { pin }, pinMessageSchema)).pin;
  }

  /** Pins of a region, in pages; the first cursor is "0". */
  pins(
    region: string,
    cursor: string,
  ): Promise<{ readonly pins: readonly Pin[]; readonly next?: string }> {
    return this.call(region, "pins", { cursor }, pinsSchema);
  }

  /** Has a region made ready for a room that is about to be moved there. */
  async prepare(region: string, claim: Claim, carried: Carried): Promise<void> {
    await this.call(region, "prepare", { claim, carried }, doneSchema, PREPARE_MS);
  }

  private async call<T>(
    region: string,
    name: string,
    message: unknown,
    answerSchema: z.ZodType<T>,
    timeoutMs = CALL_MS,
  ): Promise<T> {
    const answer = await this.exchange(region, name, message, timeoutMs);
    const body = json(answer.body);
    if (answer.status !== 200) {
      throw refusalOf(region, name, answer.status, body);
    }
    const parsed = answerSchema.safeParse(body);
    if (!parsed.success) {
      throw new PeerUnreachable(region, `${name}: an answer that is not understood`);
    }
    return parsed.data;
  }

  /** Tries again at once where a connection that was kept open turned out to be closed. */
  private async exchange(
    region: string,
    name: string,
    message: unknown,
    timeoutMs: number,
  ): Promise<HttpAnswer> {
    try {
      return await this.post(region, name, message, timeoutMs, false);
    } catch (error) {
      if (!(error instanceof NoAnswer) || !error.wasStale) {
        throw unreachable(region, name, error);
      }
    }
    try {
      return await this.post(region, name, message, timeoutMs, true);
    } catch (error) {
      throw unreachable(region, name, error);
    }
  }

  private async post(
    region: string,
    name: string,
    message: unknown,
    timeoutMs: number,
    isFresh: boolean,
  ): Promise<HttpAnswer> {
    const path = `${PEER_PATH}${name}`;
    const body = Buffer.from(JSON.stringify(message));
    const token = await this.signer.sign(region, { method: "POST", url: path, body });
    return this.connections.to(region).call({
      method: "POST",
      path,
      headers: { "content-type": "application/json", [PEER_HEADER]: token },
      body,
      timeoutMs,
      isFresh,
    });
  }
}

function refusalOf(region: string, name: string, status: number, body: unknown): Error {
  const refusal = refusalSchema.safeParse(body);
  if (status === 503 && refusal.data?.refusal === "store-away") {
    return new StoreAway(`Region "${region}": its store does not answer.`);
  }
  return new PeerUnreachable(region, `${name}: status ${status}`);
}

function unreachable(region: string, name: string, error: unknown): PeerUnreachable {
  const reason = error instanceof Error ? error.message : "error";
  return new PeerUnreachable(region, `${name}: ${reason}`);
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}
