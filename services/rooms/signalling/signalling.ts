import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "../../shared/log.ts";
import { CLAIM_HEADER, decodeClaim } from "../peers/peer-dialer.ts";
import { REFUSAL_HEADER } from "../peers/peer-server.ts";
import { PEER_HEADER } from "../peers/peer-token.ts";
import type { Claim } from "../placement/claim.ts";
import type { Refusal } from "../placement/placement.ts";
import type { ApiSecrets } from "../tokens/jwt.ts";
import { verifyJoinToken, type JoinToken } from "../tokens/join-token.ts";
import { Deadline } from "../twirp/deadline.ts";
import { ownAnswer, tryLater, type Answer } from "./answer.ts";
import { clientAddress, networkOf } from "./client-address.ts";
import { ResponseClient, UpgradeClient, type ClientSide } from "./client-side.ts";
import { passedHeaders, pathOf, purposeOf, tokenOf, type Join } from "./join.ts";
import { ANSWER_HEADER } from "./outcome.ts";
import { TooLate } from "./pause.ts";
import { ADDRESS_HEADER, HOPS_HEADER } from "./peer-door.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Reached, Router } from "./router.ts";
import type { TunnelRegistry } from "./tunnels.ts";
import { ClientGone } from "./upstream.ts";

/** What is counted of joins. */
export interface JoinMetrics {
  /** @param to the hosting region, "none" where no region was found */
  joined(to: string, outcome: "joined" | "refused" | "failed"): void;
}

/** Milliseconds for a client's join, and for one that another gateway brings, which has its own clock running. */
const CLIENT_MS = 8000;
const PEER_MS = 5500;

/** LiveKit's limits of a room's name and of an identity, in bytes (livekit/livekit, pkg/config/config.go). */
const MAX_NAME_BYTES = 256;

const BUSY = "No region could take the connection in time. Try again.";

/** What signalling needs of the others. */
export interface SignallingParts {
  readonly region: string;
  readonly keys: ApiSecrets;
  readonly router: Router;
  readonly tunnels: TunnelRegistry;
  /** Whether another region's gateway made this request, and one that is a member. */
  readonly isFromPeer: (request: IncomingMessage) => Promise<boolean>;
  /** Whether connections under this claim may go on: asked once a tunnel is known, for what changed just before. */
  readonly stillHolds: (claim: Claim) => Promise<boolean>;
  readonly countryOf: (headers: IncomingHttpHeaders, address: string) => string | undefined;
  /** Joins of one address, and of one token. */
  readonly perAddress: RateLimit;
  readonly perToken: RateLimit;
  readonly metrics: JoinMetrics;
  readonly log: Log;
  /** Milliseconds for a client's join, 8000 by default. */
  readonly clientMs?: number;
}

/** `/rtc*`: lets people into rooms, wherever these are. */
export class Signalling {
  private readonly parts: SignallingParts;

  constructor(parts: SignallingParts) {
    this.parts = parts;
  }

  /** A request to open a WebSocket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!(socket instanceof Socket)) {
      socket.destroy();
      return;
    }
    const client = new UpgradeClient(socket, head);
    const isWebSocket = request.headers.upgrade?.toLowerCase() === "websocket";
    if (!isWebSocket || purposeOf(pathOf(request.url ?? "")) !== "upgrade") {
      void client.answer(ownAnswer(501, "No WebSocket is served here.")).catch(ignore);
      return;
    }
    void this.serve(request, client);
  }

  /** A request under `/rtc` without an upgrade: a client asks why its upgrade failed. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const purpose = purposeOf(pathOf(request.url ?? ""));
    const client = new ResponseClient(response);
    if (purpose === "validate" && request.method === "GET") {
      await this.serve(request, client);
    } else if (purpose === "validate") {
      await client.answer(ownAnswer(405, "Only GET is served here.", [["allow", "GET, OPTIONS"]]));
    } else if (purpose === "upgrade") {
      await client.answer(ownAnswer(426, "This is a WebSocket.", [["upgrade", "websocket"]]));
    } else {
      // A 404 under /rtc makes the browser's client try again without end and without pause.
      await client.answer(ownAnswer(501, "This is not served here."));
    }
  }

  private async serve(request: IncomingMessage, client: ClientSide): Promise<void> {
    const isPeer = request.headers[PEER_HEADER] !== undefined;
    try {
      await (isPeer ? this.servePeer(request, client) : this.serveClient(request, client));
    } catch (error) {
      if (!(error instanceof ClientGone) && !(error instanceof TooLate)) {
        const reason = error instanceof Error ? error.message : "unknown";
        this.parts.log.error("a join failed", { path: pathOf(request.url ?? ""), reason });
      }
      const answer = isPeer ? refusal("unreachable") : tryLater(503, BUSY);
      await client.answer(answer).catch(ignore);
    }
  }

  private async serveClient(request: IncomingMessage, client: ClientSide): Promise<void> {
    const { keys, perAddress, perToken, metrics, log } = this.parts;
    const address = clientAddress(request);
    const waitSeconds = perAddress.take(networkOf(address));
    if (waitSeconds > 0) {
      return client.answer(tryLater(429, "Too many joins from this address.", waitSeconds));
    }
    const token = verifyJoinToken(tokenOf(request), keys, Date.now() / 1000);
    if (!token.ok) {
      return client.answer(ownAnswer(401, `Not let in: ${token.fault}.`));
    }
    const tokenWaitSeconds = perToken.take(token.id);
    if (tokenWaitSeconds > 0) {
      return client.answer(tryLater(429, "Too many joins with this token.", tokenWaitSeconds));
    }
    const tooLong = nameTooLong(token);
    if (tooLong !== undefined) {
      return client.answer(ownAnswer(400, tooLong));
    }
    const join = this.joinOf(request, client, token, address, this.parts.clientMs ?? CLIENT_MS);
    let reached: Reached;
    try {
      reached = await this.parts.router.route(join);
    } catch (error) {
      if (error instanceof TooLate) {
        metrics.joined("none", "failed");
        log.warn("no region took a join in time");
      }
      throw error;
    }
    metrics.joined(reached.claim.region, reached.outcome.kind === "open" ? "joined" : "refused");
    await this.deliver(reached, join, client);
  }

  /** As the host of the room, or on the way to it. */
  private async servePeer(request: IncomingMessage, client: ClientSide): Promise<void> {
    const { region, keys, router, perAddress, isFromPeer, log } = this.parts;
    if (!(await isFromPeer(request))) {
      const waitSeconds = perAddress.take(networkOf(clientAddress(request)));
      log.warn("a request that is not from a gateway of the fleet says that it is");
      return client.answer(
        waitSeconds > 0
          ? tryLater(429, "Too many requests.", waitSeconds)
          : refusal("unauthorized"),
      );
    }
    const token = verifyJoinToken(tokenOf(request), keys, Date.now() / 1000);
    const claim = decodeClaim(request.headers[CLAIM_HEADER]);
    if (!token.ok || claim?.room !== token.room) {
      log.warn("a gateway brought a join that is not in order", {
        reason: token.ok ? "the claim is not for the token's room" : token.fault,
      });
      return client.answer(refusal("unauthorized"));
    }
    const isElsewhere = claim.region !== region;
    if (isElsewhere && request.headers[HOPS_HEADER] !== undefined) {
      return client.answer(refusal("moved"));
    }
    const named = request.headers[ADDRESS_HEADER];
    const address = typeof named === "string" ? named : clientAddress(request);
    const join = this.joinOf(request, client, token, address, PEER_MS);
    const outcome = await router.enter(join, claim, isElsewhere);
    if (outcome.kind === "refused") {
      return client.answer(refusal(outcome.why, outcome.found));
    }
    await this.deliver({ claim, outcome: marked(outcome) }, join, client);
  }

  private joinOf(
    request: IncomingMessage,
    client: ClientSide,
    token: JoinToken,
    address: string,
    ms: number,
  ): Join {
    const country = this.parts.countryOf(request.headers, address);
    return {
      room: token.room,
      identity: token.identity,
      url: request.url ?? "",
      token: tokenOf(request),
      isUpgrade: client instanceof UpgradeClient,
      headers: passedHeaders(request.rawHeaders),
      address,
      ...(country === undefined ? {} : { country }),
      deadline: new Deadline(ms),
      gone: client.gone,
    };
  }

  private async deliver(reached: Reached, join: Join, client: ClientSide): Promise<void> {
    const { claim, outcome } = reached;
    if (outcome.kind === "answer") {
      return client.answer(outcome.answer);
    }
    const { head, rest, socket } = outcome.upstream;
    if (!(client instanceof UpgradeClient)) {
      socket.destroy();
      throw new Error("LiveKit answered a question with an upgrade");
    }
    const { room, identity } = join;
    const connected = { room, identity, region: claim.region, tenure: claim.tenure };
    const tunnel = this.parts.tunnels.add(connected, client.release(), socket);
    tunnel.start(client.early, rest.length === 0 ? head.bytes : Buffer.concat([head.bytes, rest]));
    // Where nobody knows, the client asks again, and is told by the one who does.
    let mayStay = false;
    try {
      mayStay = await this.parts.stillHolds(claim);
    } finally {
      if (!mayStay) {
        tunnel.cut();
      }
    }
  }
}

function nameTooLong(token: JoinToken): string | undefined {
  if (Buffer.byteLength(token.room) > MAX_NAME_BYTES) {
    return `The room's name has more than ${MAX_NAME_BYTES} bytes. Use a shorter one.`;
  }
  return Buffer.byteLength(token.identity) > MAX_NAME_BYTES
    ? `The identity has more than ${MAX_NAME_BYTES} bytes. Use a shorter one.`
    : undefined;
}

/** LiveKit's answer, told from a balancer's by whoever gets it. */
function marked(outcome: Reached["outcome"]): Reached["outcome"] {
  if (outcome.kind === "open") {
    return outcome;
  }
  const headers = [...outcome.answer.headers, [ANSWER_HEADER, "livekit"] as const];
  return { kind: "answer", answer: { ...outcome.answer, headers } };
}

/** What a gateway says to another one that it does not let somebody in. */
function refusal(why: Refusal | "unauthorized", claim?: Claim): Answer {
  const statuses = { moved: 409, unauthorized: 401 } as const;
  const status = why === "moved" || why === "unauthorized" ? statuses[why] : 503;
  const body = Buffer.from(JSON.stringify(claim === undefined ? {} : { claim }));
  return {
    ...ownAnswer(status, ""),
    headers: [
      ["content-type", "application/json"],
      ["content-length", String(body.length)],
      ["cache-control", "no-store"],
      [REFUSAL_HEADER, why],
    ],
    body,
  };
}

function ignore(): void {
  // Nobody is there to be told.
}
