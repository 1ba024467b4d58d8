import { loadavg } from "node:os";
import { median } from "../result.ts";

/** One line of the benchmark of the room gateway. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: "×" | "KB" | "round trips";
  /** What is to be reached; absent where there is no target. */
  readonly target?: number;
  /** Whether more is better. @default false */
  readonly isFloor?: boolean;
  /** What the figure was made from. */
  readonly from: string;
  /** Load average of the machine when it was taken: ratios suffer less from it than times do, not nothing. */
  readonly load: number;
}

/** Makes a figure. */
export function figure(parts: Omit<Figure, "load">): Figure {
  return { ...parts, value: Number(parts.value.toFixed(2)), load: loadavg()[0] ?? 0 };
}

/** Whether the target is reached; true where there is none. */
export function isReached({ value, target, isFloor }: Figure): boolean {
  return target === undefined || (isFloor === true ? value >= target : value <= target);
}

/** The 95th percentile: the smallest value that 95 of 100 do not exceed. @throws for none */
export function percentile95(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const found = sorted[Math.ceil(sorted.length * 0.95) - 1];
  if (found === undefined) {
    throw new Error("Percentile of no values: nothing was measured.");
  }
  return found;
}

/** `median / 95th percentile`, in milliseconds. */
export function spread(values: readonly number[]): string {
  return `${median(values).toFixed(1)} ms, 95th percentile ${percentile95(values).toFixed(1)} ms`;
}
