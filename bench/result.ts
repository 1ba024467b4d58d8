/** What is measured in each round, in seconds. */
export const TIMES = [
  "previewEmpty",
  "previewEu",
  "upEmpty",
  "upEu",
  "planTwo",
  "planTwenty",
] as const;

/** One of the measured times. */
export type Time = (typeof TIMES)[number];

/** One round: every command once, in turn, so that a busy machine slows all of them alike. */
export interface Round {
  readonly seconds: Readonly<Record<Time, number>>;
  /** Largest resident set of the program's process during the preview of eu, in megabytes. */
  readonly programMegabytes: number;
}

/** One line of the benchmark. */
export interface Measurement {
  readonly what: string;
  readonly value: number;
  readonly unit: "×" | "MB";
  /** What it should not exceed; absent where there is no target. */
  readonly target?: number;
  readonly reached: boolean;
}

/** The benchmark's result: ratios of medians of one run, which hold on a slow machine as on a fast one. */
export interface Result {
  readonly rounds: number;
  readonly medianSeconds: Readonly<Record<Time, number>>;
  readonly measurements: readonly Measurement[];
}

/** The value in the middle; of an even number of values, the mean of the two there. @throws for none */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) {
    throw new Error("Median of no values: at least one round must be run.");
  }
  return (upper + lower) / 2;
}

/** Summarises rounds against the targets. Pure. */
export function summarise(rounds: readonly Round[]): Result {
  const of = (time: Time): number => median(rounds.map(({ seconds }) => seconds[time]));
  const seconds = {
    previewEmpty: of("previewEmpty"),
    previewEu: of("previewEu"),
    upEmpty: of("upEmpty"),
    upEu: of("upEu"),
    planTwo: of("planTwo"),
    planTwenty: of("planTwenty"),
  };
  const megabytes = median(rounds.map(({ programMegabytes }) => programMegabytes));
  return {
    rounds: rounds.length,
    medianSeconds: seconds,
    measurements: [
      ratio(
        "preview of eu / preview of an empty program",
        seconds.previewEu,
        seconds.previewEmpty,
        3,
      ),
      ratio("up of eu / up of an empty program", seconds.upEu, seconds.upEmpty),
      ratio(
        "plan of 2 regions / preview of an empty program",
        seconds.planTwo,
        seconds.previewEmpty,
        3,
      ),
      ratio("plan of 20 regions / plan of 2", seconds.planTwenty, seconds.planTwo, 12),
      measurement("memory of the program, preview of eu", megabytes, "MB", 400),
    ],
  };
}

function ratio(what: string, value: number, base: number, target?: number): Measurement {
  return measurement(what, value / base, "×", target);
}

function measurement(
  what: string,
  exact: number,
  unit: Measurement["unit"],
  target?: number,
): Measurement {
  const value = Number(exact.toFixed(unit === "MB" ? 0 : 2));
  return {
    what,
    value,
    unit,
    ...(target === undefined ? {} : { target }),
    reached: target === undefined || value <= target,
  };
}
