/** Something received from another participant: a message, a decoded frame, audible sound. */
export interface Beat {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly from: string;
}

/** What a participant has noticed. */
export interface Diary {
  readonly beats: readonly Beat[];
  /** When its signalling was lost (reconnecting, disconnected). */
  readonly lost: readonly number[];
  /** When it said that it was back (reconnected). */
  readonly back: readonly number[];
}

/** How long a participant was out. */
export interface Outage {
  /**
   * From the loss of signalling, or the last beat before the gap if that was earlier, to the first beat after
   * signalling and beats were both back; 0 if neither was missed, Infinity if it is still out.
   */
  readonly outMs: number;
  /** The longest time without a beat of the worst-off other. */
  readonly gapMs: number;
}

/** Beats come every 100 ms; less than this is a busy machine and not an outage. */
export const NOTICED_GAP_MS = 400;

/** The worst outage among the others that a participant ought to hear, from a moment on until now. */
export function outage(
  diary: Diary,
  others: readonly string[],
  since: number,
  now: number,
): Outage {
  const each = others.map((other) => {
    const beats = diary.beats.filter(({ from }) => from === other).map(({ at }) => at);
    return outageOfOne({ ...diary, beats }, since, now);
  });
  return {
    outMs: Math.max(0, ...each.map(({ outMs }) => outMs)),
    gapMs: Math.max(0, ...each.map(({ gapMs }) => gapMs)),
  };
}

function outageOfOne(
  diary: {
    readonly beats: readonly number[];
    readonly lost: readonly number[];
    readonly back: readonly number[];
  },
  since: number,
  now: number,
): Outage {
  const before = diary.beats.filter((at) => at < since).at(-1) ?? since;
  const times = [before, ...diary.beats.filter((at) => at >= since), now];
  let gapFrom = before;
  let gapTo = before;
  let gapMs = 0;
  times.slice(1).forEach((to, index) => {
    const from = times[index] ?? to;
    if (to - from > gapMs) {
      [gapFrom, gapTo, gapMs] = [from, to, to - from];
    }
  });
  const lostAt = diary.lost.find((at) => at >= since);
  const hasGap = gapMs > NOTICED_GAP_MS;
  if (lostAt === undefined && !hasGap) {
    return { outMs: 0, gapMs };
  }
  const begin = Math.min(lostAt ?? Infinity, hasGap ? gapFrom : Infinity);
  const backAt =
    lostAt === undefined ? begin : (diary.back.filter((at) => at >= lostAt).at(-1) ?? now);
  const from = Math.max(backAt, hasGap ? gapTo : begin);
  const end = diary.beats.find((at) => at >= from);
  return { outMs: end === undefined ? Infinity : end - begin, gapMs };
}
