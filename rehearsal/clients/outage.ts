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
   * The longest time out. One begins with the loss of signalling, or with the last beat before a gap, and ends with the
   * first beat once signalling is back and beats come again. Two with less than a second of beats between them are one:
   * who hears a word now and then is not back. 0 if nothing was missed, Infinity if it is still out.
   */
  readonly outMs: number;
  /** When that one began; undefined where nothing was missed. */
  readonly beganAt?: number;
  /** The longest time without a beat of the worst-off other. */
  readonly gapMs: number;
}

/** A stretch of time, in milliseconds since the epoch. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** Beats come every 100 ms; less than this is a busy machine and not an outage. */
export const NOTICED_GAP_MS = 400;

/** Beats for so long in a row are needed to be back. */
const STEADY_MS = 1000;

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
  const worst = each.toSorted((one, other) => other.outMs - one.outMs)[0];
  return {
    ...(worst ?? { outMs: 0 }),
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
    return { outMs: Infinity, gapMs: now - last, beganAt: last };
  }
  const gapMs = Math.max(0, ...gaps.map(({ from, to }) => to - from));
  const silences = gaps.filter(({ from, to }) => to - from > NOTICED_GAP_MS);
  const signalling = diary.lost
    .filter((at) => at >= since)
    .map((from) => {
      const back = diary.back.find((at) => at >= from) ?? Infinity;
      return { from, to: all.find((at) => at >= back) ?? Infinity };
    });
  const [longest] = joined([...silences, ...signalling]).toSorted(
    (one, other) => other.to - other.from - (one.to - one.from),
  );
  return longest === undefined
    ? { outMs: 0, gapMs }
    : { outMs: longest.to - longest.from, gapMs, beganAt: longest.from };
}

/** Spans of time in order, those that overlap or have less than a steady time between them as one. */
function joined(spans: readonly Span[]): readonly Span[] {
  const whole: Span[] = [];
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    const last = whole.at(-1);
    if (last !== undefined && span.from - last.to < STEADY_MS) {
      whole[whole.length - 1] = { from: last.from, to: Math.max(last.to, span.to) };
    } else {
      whole.push(span);
    }
  }
  return whole;
}
