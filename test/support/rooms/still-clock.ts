import type { Clock } from "../../../services/rooms/placement/ports.ts";

/** A clock that goes on only when somebody sleeps, or when a test moves it. */
export class StillClock implements Clock {
  ms = 0;

  now(): number {
    return this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  sleep(ms: number): Promise<void> {
    this.ms += ms;
    return Promise.resolve();
  }
}
