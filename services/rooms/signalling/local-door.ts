import type { Claim } from "../placement/claim.ts";
import type { Admission } from "../placement/host.ts";
import type { LocalLiveKit } from "../placement/ports.ts";
import { askWithEach, type TokenSigners } from "../tokens/each-key.ts";
import type { Answer } from "./answer.ts";
import { withToken, type Join } from "./join.ts";
import { readAnswer, type Outcome } from "./outcome.ts";
import { pause } from "./pause.ts";
import { NotReached, type OpenAnswer, type Upstream } from "./upstream.ts";

/** Lets people into the rooms that this region hosts; placement's Host is one. */
export interface Admitting {
  admit(room: string, claim: Claim, identity: string): Promise<Admission>;
}

/** What is counted of LiveKit's faults. */
export interface DoorMetrics {
  upstreamError(kind: "livekit" | "peer", to: string): void;
}

const TIMES = { connectMs: 1000, headMs: 5000 } as const;

/** Milliseconds between two tries to reach LiveKit: a node that died, one of several behind one name, is soon left out. */
const PAUSES_MS = [50, 150, 300] as const;

/** Times that a room which closed just before somebody came in is made again. */
const MAX_CLOSED = 3;

/** LiveKit's words for a room that it does not have. A client never comes back after them (client-sdk-js, SignalClient). */
const NO_ROOM = "requested room does not exist";

/** The way into a room that this region hosts: to LiveKit, once the host has admitted. */
export class LocalDoor {
  private readonly region: string;
  private readonly host: Admitting;
  private readonly liveKit: Pick<LocalLiveKit, "check">;
  private readonly upstream: Upstream;
  private readonly keys: TokenSigners;
  private readonly metrics: DoorMetrics;

  constructor(parts: {
    readonly region: string;
    readonly host: Admitting;
    readonly liveKit: Pick<LocalLiveKit, "check">;
    readonly upstream: Upstream;
    readonly keys: TokenSigners;
    readonly metrics: DoorMetrics;
  }) {
    this.region = parts.region;
    this.host = parts.host;
    this.liveKit = parts.liveKit;
    this.upstream = parts.upstream;
    this.keys = parts.keys;
    this.metrics = parts.metrics;
  }

  /**
   * Admits, and asks LiveKit. Asks it again where it was not reached, has a fault of its own, or has lost the room since:
   * a join changes nothing that a second one would not put right, until LiveKit has taken the upgrade.
   */
  async reach(join: Join, claim: Claim): Promise<Outcome> {
    let closed = 0;
    let failed = 0;
    for (;;) {
      const admission = await this.host.admit(join.room, claim, join.identity);
      if (!admission.admitted) {
        return admission.reason === "moved" && admission.claim !== undefined
          ? { kind: "refused", why: "moved", found: admission.claim }
          : { kind: "refused", why: admission.reason };
      }
      const answered = await askWithEach(
        this.keys.signedByEach(join.token),
        (token) => this.ask(withToken(join, token)),
        (one) => (one?.kind === "answer" ? one.answer.status : undefined),
      );
      if (answered !== undefined && answered.kind === "open") {
        return answered;
      }
      const pauseMs = PAUSES_MS[failed];
      if (answered !== undefined) {
        if (answered.answer.status === 404 && answered.answer.body.includes(NO_ROOM)) {
          closed++;
          if (closed > MAX_CLOSED) {
            return { kind: "refused", why: "livekit-down" };
          }
          continue;
        }
        if (answered.answer.status < 500 || pauseMs === undefined) {
          return answered;
        }
      }
      this.metrics.upstreamError("livekit", this.region);
      if (pauseMs === undefined || !(await this.liveKit.check())) {
        return { kind: "refused", why: "livekit-down" };
      }
      failed++;
      await pause(pauseMs, join);
    }
  }

  /** LiveKit's answer, undefined where it gave none. */
  private async ask(
    join: Join,
  ): Promise<
    | { readonly kind: "open"; readonly upstream: OpenAnswer }
    | { readonly kind: "answer"; readonly answer: Answer }
    | undefined
  > {
    try {
      const open = await this.upstream.ask(join, [["X-Forwarded-For", join.address]], TIMES);
      return open.head.status === 101
        ? { kind: "open", upstream: open }
        : { kind: "answer", answer: await readAnswer(open) };
    } catch (error) {
      if (error instanceof NotReached) {
        return undefined;
      }
      throw error;
    }
  }
}
