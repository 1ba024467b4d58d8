/** Something that runs here otherwise than it was deployed. */
export interface Rewrite {
  /** `eu Deployment media/livekit` */
  readonly object: string;
  readonly what: string;
  readonly from: string;
  readonly to: string;
}

/** The list of all that was rewritten; each line is there once. No value of a secret belongs into it. */
export class Rewrites {
  private readonly lines = new Map<string, Rewrite>();

  /** Everything so far, in order. */
  all(): readonly Rewrite[] {
    return [...this.lines.values()];
  }

  /** Notes a rewrite and gives what it is rewritten to. */
  note<T extends string | number | boolean>(
    object: string,
    what: string,
    from: string | number | boolean,
    to: T,
  ): T {
    const rewrite = { object, what, from: String(from), to: String(to) };
    this.lines.set(JSON.stringify(rewrite), rewrite);
    return to;
  }
}
