import type { Clock } from "../placement/ports.ts";
import { HttpCaller, NotSent } from "./http-caller.ts";

/** Milliseconds between two looks. */
const INTERVAL_MS = 500;

/** Milliseconds that one look may take. */
const LOOK_MS = 500;

/**
 * Refusals in a row after which LiveKit is down, and the milliseconds between them. Behind one service name there are
 * several nodes, and one that died refuses its share of connections until the cluster takes it out: with one of two
 * dead, four in a row are one in sixteen, two in a row one in four. They take no longer.
 */
const REFUSALS = 4;
const REFUSAL_PAUSE_MS = 50;

/**
 * Milliseconds of silence, or of answers other than 200, after which it is down. LiveKit answers 406 once its own
 * figures, which travel through Redis, are older than four seconds (livekit/livekit, pkg/service/server.go).
 */
const BAD_FOR_MS = 1500;

/** What one look at LiveKit's `/` saw: 200, no connection, or anything else. */
export type Look = "ok" | "refused" | "bad";

/**
 * Watches whether LiveKit takes joins. It is down until it was first seen up; then one 200 is enough for up, and down
 * takes refusals in a row or some time of bad answers.
 */
export class HealthProbe {
  private readonly look: () => Promise<Look>;
  private readonly clock: Clock;
  private isUp = false;
  private isStopped = false;
  private badSince: number | undefined;
  private looking: Promise<boolean> | undefined;
  private onChange: (isUp: boolean) => void = () => undefined;

  constructor(look: () => Promise<Look>, clock: Clock) {
    this.look = look;
    this.clock = clock;
  }

  /** Calls back whenever LiveKit went up or down. */
  changed(listener: (isUp: boolean) => void): void {
    this.onChange = listener;
  }

  /** The last state seen. */
  up(): boolean {
    return this.isUp;
  }

  /** Looks now. Calls at the same time share one look. */
  check(): Promise<boolean> {
    this.looking ??= this.judge().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /** Looks every half second until stopped. */
  async run(): Promise<void> {
    while (!this.isStopped) {
      await this.check();
      await this.clock.sleep(INTERVAL_MS);
    }
  }

  stop(): void {
    this.isStopped = true;
  }

  private async judge(): Promise<boolean> {
    for (let refusals = 1; ; refusals++) {
      const begin = this.clock.monotonic();
      const seen = await this.look();
      if (seen === "ok") {
        this.badSince = undefined;
        return this.set(true);
      }
      this.badSince ??= begin;
      if (this.clock.monotonic() - this.badSince >= BAD_FOR_MS) {
        return this.set(false);
      }
      if (seen === "bad") {
        return this.isUp;
      }
      if (refusals === REFUSALS) {
        return this.set(false);
      }
      await this.clock.sleep(REFUSAL_PAUSE_MS);
    }
  }

  private set(isUp: boolean): boolean {
    if (this.isUp !== isUp) {
      this.isUp = isUp;
      this.onChange(isUp);
    }
    return isUp;
  }
}

/** Looks at LiveKit's `/`, each time over a connection of its own. */
export function lookAt(url: string): () => Promise<Look> {
  const caller = new HttpCaller(url);
  return async () => {
    try {
      const call = { method: "GET", path: "/", headers: {}, timeoutMs: LOOK_MS } as const;
      const { status } = await caller.call({ ...call, isFresh: true });
      return status === 200 ? "ok" : "bad";
    } catch (error) {
      return error instanceof NotSent && error.isRefused ? "refused" : "bad";
    }
  };
}
