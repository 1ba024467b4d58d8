import type { IncomingMessage, ServerResponse } from "node:http";
import type * as z from "zod";
import type { Log } from "../../shared/log.ts";
import { parseJson, readBody, sendJson } from "../http-body.ts";
import type { Claim } from "../placement/claim.ts";
import { LiveKitDown, PeerUnreachable, StoreAway } from "../placement/ports.ts";
import type {
  Carried,
  PeerKnowledge,
  PutResult,
  RegionStatus,
  RoomCount,
} from "../placement/ports.ts";
import type { Pin } from "../store/pins-store.ts";
import type { Membership } from "./membership.ts";
import {
  announceSchema,
  claimMessageSchema,
  doneSchema,
  MAX_MESSAGE_BYTES,
  pageSchema,
  pinMessageSchema,
  prepareSchema,
  probeSchema,
  putSchema,
  rejoinSchema,
  roomMessageSchema,
  roomsMessageSchema,
  type PeerStatus,
} from "./messages.ts";
import { PEER_PATH } from "./peer-calls.ts";
import { PEER_HEADER, type RequestVerifier } from "./peer-token.ts";

/** Header of a gateway's own refusal to another gateway; an answer without it is LiveKit's. */
export const REFUSAL_HEADER = "x-meet-refusal";

/**
 * What a region does for the gateways of the others. StoreAway and LiveKitDown are passed on as such; PeerUnreachable
 * makes whoever asked turn to another region.
 */
export interface PeerCallee {
  read(room: string): Promise<PeerKnowledge>;
  readAll(rooms: readonly string[]): Promise<readonly Claim[]>;
  put(claim: Claim, expected: Claim | undefined): Promise<PutResult>;
  merge(claim: Claim): Promise<Claim>;
  probe(target: string): Promise<RegionStatus | undefined>;
  status(): Promise<PeerStatus>;
  claims(cursor: string): Promise<{ readonly claims: readonly Claim[]; readonly next?: string }>;
  count(room: string): Promise<RoomCount>;
  expectRejoin(room: string, identities: readonly string[]): Promise<void>;
  heal(room: string, asker: string): Promise<void>;
  prepare(claim: Claim, carried: Carried): Promise<void>;
  putPin(pin: Pin): Promise<Pin>;
  pins(cursor: string): Promise<{ readonly pins: readonly Pin[]; readonly next?: string }>;
}

/** A call: checks the message and answers it. */
type Call = (message: unknown, caller: string) => Promise<unknown>;

/** A message that is not one of this call. */
class NotUnderstood extends Error {}

/** Serves `/peer/v1/*`: calls signed by other regions' gateways, each one once, and only those of members. */
export class PeerServer {
  private readonly verifier: RequestVerifier;
  private readonly membership: Membership;
  private readonly callee: PeerCallee;
  private readonly log: Log;
  private readonly nowMs: () => number;
  private readonly calls: ReadonlyMap<string, Call>;

  constructor(parts: {
    readonly verifier: RequestVerifier;
    readonly membership: Membership;
    readonly callee: PeerCallee;
    readonly log: Log;
    readonly nowMs?: () => number;
  }) {
    this.verifier = parts.verifier;
    this.membership = parts.membership;
    this.callee = parts.callee;
    this.log = parts.log;
    this.nowMs = parts.nowMs ?? (() => Date.now());
    this.calls = new Map(Object.entries(this.table()));
  }

  /** Answers one request under `/peer/v1/`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? "";
    const body = await readBody(request, MAX_MESSAGE_BYTES);
    if (body === undefined) {
      refuse(response, 413, "too-long", `a message is at most ${MAX_MESSAGE_BYTES} bytes`);
      return;
    }
    const token = request.headers[PEER_HEADER];
    const method = request.method ?? "";
    const signer = await this.verifier.verify(typeof token === "string" ? token : "", {
      method,
      url,
      body,
    });
    if (!signer.ok) {
      this.log.warn("a peer's call was refused", { reason: signer.fault });
      refuse(response, 401, "unauthorized", signer.fault);
      return;
    }
    const name = url.startsWith(PEER_PATH) ? url.slice(PEER_PATH.length) : "";
    const call = method === "POST" ? this.calls.get(name) : undefined;
    if (call === undefined) {
      refuse(response, 404, "unknown", "this version has no such call");
      return;
    }
    if (!this.membership.isWelcome(signer.issuer) && !FOR_ALL.has(name)) {
      refuse(response, 403, "removed", "the region was removed; an operator can admit it again");
      return;
    }
    await this.answer(response, name, call, body, signer.issuer);
  }

  private async answer(
    response: ServerResponse,
    name: string,
    call: Call,
    body: Buffer,
    caller: string,
  ): Promise<void> {
    try {
      sendJson(response, 200, await call(parseJson(body), caller));
    } catch (error) {
      if (error instanceof NotUnderstood) {
        refuse(response, 400, "not-understood", error.message);
      } else if (error instanceof StoreAway) {
        refuse(response, 503, "store-away", "the region's store does not answer");
      } else if (error instanceof PeerUnreachable) {
        refuse(response, 503, "not-reached", error.message);
      } else if (error instanceof LiveKitDown) {
        refuse(response, 503, "livekit-down", "the region's LiveKit does not answer");
      } else {
        const reason = error instanceof Error ? error.message : "unknown";
        this.log.error("a peer's call failed", { call: name, caller, reason });
        refuse(response, 500, "failed", "the call failed");
      }
    }
  }

  private table(): Readonly<Record<string, Call>> {
    const { callee, membership } = this;
    return {
      status: call(doneSchema, () => this.statusAnswer()),
      announce: call(announceSchema, async ({ members }, caller) => {
        await membership.announce(caller, members);
        return this.statusAnswer();
      }),
      read: call(roomMessageSchema, ({ room }) => callee.read(room)),
      "read-all": call(roomsMessageSchema, async ({ rooms }) => ({
        claims: await callee.readAll(rooms),
      })),
      put: call(putSchema, ({ claim, expected }) => callee.put(claim, expected)),
      merge: call(claimMessageSchema, async ({ claim }) => ({ claim: await callee.merge(claim) })),
      probe: call(probeSchema, async ({ target }) => ({ status: await callee.probe(target) })),
      claims: call(pageSchema, ({ cursor }) => callee.claims(cursor)),
      count: call(roomMessageSchema, ({ room }) => callee.count(room)),
      "expect-rejoin": call(rejoinSchema, ({ room, identities }) =>
        done(callee.expectRejoin(room, identities)),
      ),
      heal: call(roomMessageSchema, ({ room }, caller) => done(callee.heal(room, caller))),
      pin: call(pinMessageSchema, async ({ pin }) => ({ pin: await callee.putPin(pin) })),
      pins: call(pageSchema, ({ cursor }) => callee.pins(cursor)),
      prepare: call(prepareSchema, ({ claim, carried }) => done(callee.prepare(claim, carried))),
    };
  }

  private async statusAnswer(): Promise<unknown> {
    const status = await this.callee.status();
    return { status, members: this.membership.list(), clock: this.nowMs() };
  }
}

/** What a removed region may still ask: it learns from the answer that it was removed. */
const FOR_ALL: ReadonlySet<string> = new Set(["status", "announce"]);

function call<T>(
  schema: z.ZodType<T>,
  answer: (message: T, caller: string) => Promise<unknown>,
): Call {
  return async (message, caller) => {
    const parsed = schema.safeParse(message);
    if (!parsed.success) {
      const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "the message");
      throw new NotUnderstood(`not understood: ${fields.join(", ")}`);
    }
    return answer(parsed.data, caller);
  };
}

async function done(call: Promise<void>): Promise<object> {
  await call;
  return {};
}

function refuse(response: ServerResponse, status: number, refusal: string, error: string): void {
  response.setHeader(REFUSAL_HEADER, refusal);
  sendJson(response, status, { refusal, error });
}
