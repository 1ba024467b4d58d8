import type { Clock } from "../placement/ports.ts";
import type { Meet } from "./meet-client.ts";

/** Pauses after a failure of Meet: the first, and the longest. */
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Milliseconds for which an answer about Meet's health holds for the other events that failed at the same time. */
const HEALTH_MS = 1000;

/** Milliseconds after an accepted event in which Meet counts as well where its health can not be asked. */
const ACCEPTED_MS = 30_000;

/** The pause before try number `failures` + 1. */
export function pauseAfter(failures: number, random: () => number): number {
  const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1));
  // Half of it at random: the pods of all regions must not come back together.
  return pause / 2 + (pause / 2) * random();
}

/**
 * What one pod knows of Meet's state. While Meet is away nothing is posted but one event after each pause, which grows to
 * 15 s; the first one accepted lets all go on.
 */
export class MeetHealth {
  private readonly meet: Meet;
  private readonly clock: Clock;
  private readonly random: () => number;
  private failures = 0;
  private pausedUntil = 0;
  private acceptedAt = -Infinity;
  private asked: { readonly at: number; readonly answer: Promise<boolean> } | undefined;

  constructor(meet: Meet, clock: Clock, random: () => number) {
    this.meet = meet;
    this.clock = clock;
    this.random = random;
  }

  /** Events that may be posted at a time: `limit`, one where Meet was away, none in a pause. */
  allowed(limit: number): number {
    if (this.clock.monotonic() < this.pausedUntil) {
      return 0;
    }
    return this.failures === 0 ? limit : 1;
  }

  /** Milliseconds until something may be posted. */
  pauseMs(): number {
    return Math.max(0, this.pausedUntil - this.clock.monotonic());
  }

  /** Meet took an event. */
  accepted(): void {
    this.failures = 0;
    this.acceptedAt = this.clock.monotonic();
  }

  /** Meet is away; posts that were under way at the same time count once. */
  away(): void {
    if (this.pauseMs() === 0) {
      this.failures++;
      this.pausedUntil = this.clock.monotonic() + pauseAfter(this.failures, this.random);
    }
  }

  /** Meet asked to be left alone. */
  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.clock.monotonic() + ms);
  }

  /** True if Meet can do its work, so that what it does not take is the event's fault. */
  isWell(): Promise<boolean> {
    const now = this.clock.monotonic();
    if (this.asked === undefined || now - this.asked.at > HEALTH_MS) {
      const answer = this.meet
        .isWell()
        .then((isWell) => isWell ?? this.clock.monotonic() - this.acceptedAt < ACCEPTED_MS);
      this.asked = { at: now, answer };
    }
    return this.asked.answer;
  }
}
