/** A moment by which a call must be answered. */
export class Deadline {
  private readonly at: number;

  constructor(ms: number) {
    this.at = performance.now() + ms;
  }

  /** Milliseconds left, 0 when it has passed. */
  left(): number {
    return Math.max(0, this.at - performance.now());
  }

  /** The sooner of this one and one in `ms` milliseconds. */
  within(ms: number): Deadline {
    return new Deadline(Math.min(ms, this.left()));
  }
}
