import { NoAnswer, NotSent } from "../livekit/http-caller.ts";
import { PeerUnreachable } from "../placement/ports.ts";
import type { Deadline } from "./deadline.ts";
import { errorAnswer, type TwirpAnswer } from "./twirp-answer.ts";
import type { TwirpCall, Upstream } from "./upstream.ts";

/** What became of a call. */
export type Outcome =
  | { readonly kind: "answered"; readonly answer: TwirpAnswer }
  /** Nothing of it left: it may be made again. */
  | { readonly kind: "not-sent" }
  /** It may have had an effect. */
  | { readonly kind: "unknown" };

/** Counts what went wrong on the way. */
export interface SenderMetrics {
  upstreamFailed(region: string, kind: "not-sent" | "unknown"): void;
}

/** Tries of a call of which nothing left, and milliseconds before the second; then twice as many, and so on. */
const MAX_TRIES = 4;
const RETRY_MS = 100;

/** Sends calls to regions, and again only where that can not do anything twice. */
export class Sender {
  private readonly upstream: Upstream;
  private readonly metrics: SenderMetrics;

  constructor(upstream: Upstream, metrics: SenderMetrics) {
    this.upstream = upstream;
    this.metrics = metrics;
  }

  /** Sends a call once. */
  async once(
    region: string,
    call: TwirpCall,
    deadline: Deadline,
    isLook: boolean,
  ): Promise<Outcome> {
    try {
      const answer = await this.upstream.send(region, call, deadline, isLook);
      return { kind: "answered", answer };
    } catch (error) {
      if (error instanceof NotSent) {
        this.metrics.upstreamFailed(region, "not-sent");
        return { kind: "not-sent" };
      }
      if (error instanceof NoAnswer || error instanceof PeerUnreachable) {
        this.metrics.upstreamFailed(region, "unknown");
        return { kind: "unknown" };
      }
      throw error;
    }
  }

  /** Sends a call to one region. */
  toRegion(
    region: string,
    call: TwirpCall,
    deadline: Deadline,
    isLook: boolean,
  ): Promise<TwirpAnswer> {
    return this.persistently(deadline, isLook, async () => ({
      region,
      outcome: await this.once(region, call, deadline, isLook),
    }));
  }

  /**
   * Tries until an answer is there, for as long as nothing of the call has left, or as it is but a look, and there is
   * time.
   */
  async persistently(
    deadline: Deadline,
    isLook: boolean,
    attempt: () => Promise<{ readonly region: string; readonly outcome: Outcome }>,
  ): Promise<TwirpAnswer> {
    for (let tries = 1; ; tries++) {
      const { region, outcome } = await attempt();
      if (outcome.kind === "answered") {
        return outcome.answer;
      }
      const pauseMs = RETRY_MS * 2 ** (tries - 1);
      const mayRepeat = outcome.kind === "not-sent" || isLook;
      if (!mayRepeat || tries === MAX_TRIES || deadline.left() < 2 * pauseMs) {
        return unanswered(region, outcome.kind, deadline);
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/** What a client is told of a call that got no answer. */
function unanswered(region: string, kind: "not-sent" | "unknown", deadline: Deadline): TwirpAnswer {
  if (kind === "not-sent") {
    return errorAnswer(
      "unavailable",
      `Region "${region}": LiveKit takes no connections. Nothing was done; try again.`,
    );
  }
  const message = `Region "${region}": LiveKit did not answer in time. The call may have had an effect.`;
  return errorAnswer(deadline.left() < 500 ? "deadline_exceeded" : "unavailable", message);
}
