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
   * From the loss of signalling, or the last beat before the first gap if that was earlier, to the end of the last
   * gap; to the first beat after signalling was back if there was no gap. 0 if nothing was missed, Infinity if it is
   * still out.
   */
  readonly outMs: number;
  /** The longest time without a beat of the worst-off other. */
  readonly gapMs: number;
}

/** Beats come every 100 ms; less than this is a busy machine and not an outage. */
export const NOTICED_GAP_MS = 400;

/** Who has heard nothing for so long is still out. */
export const STILL_OUT_MS = 1500;

/** The worst outage among the others that a participant ought to hear, from a moment on until now. */
export function outage(
  diary: Diary,
  others: readonly string[],
  since: number,
  now: number,
): Outage {
  const each = others.map((other) =>
    outageOfOne({ ...diary, beats: diary.beats.filter(({ from }) => from === other) }, since, now),
  );
  return {
    outMs: Math.max(0, ...each.map(({ outMs }) => outMs)),
    gapMs: Math.max(0, ...each.map(({ gapMs }) => gapMs)),
  };
}

function outageOfOne(diary: Diary, since: number, now: number): Outage {
  const all = diary.beats.map(({ at }) => at);
  const times = [
    all.filter((at) => at < since).at(-1) ?? since,
    ...all.filter((at) => at >= since),
  ];
  const last = times.at(-1) ?? since;
  const gaps = times.slice(1).map((to, index) => ({ from: times[index] ?? to, to }));
  if (now - last > STILL_OUT_MS) {
    return { outMs: Infinity, gapMs: now - last };
  }
  const gapMs = Math.max(0, ...gaps.map(({ from, to }) => to - from));
  const noticed = gaps.filter(({ from, to }) => to - from > NOTICED_GAP_MS);
  const lostAt = diary.lost.find((at) => at >= since);
  const begin = Math.min(lostAt ?? Infinity, noticed[0]?.from ?? Infinity);
  if (begin === Infinity) {
    return { outMs: 0, gapMs };
  }
  const backAt = diary.back.filter((at) => at >= begin).at(-1) ?? Infinity;
  const end = noticed.at(-1)?.to ?? all.find((at) => at >= backAt) ?? Infinity;
  return { outMs: end - begin, gapMs };
}
