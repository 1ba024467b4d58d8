import { freemem } from "node:os";
import type { StackConfig } from "../infra/config.ts";

/** What came of one stack. */
export type Outcome<T> =
  | {
      readonly stack: string;
      readonly outcome: "done";
      readonly value: T;
      readonly seconds: number;
    }
  | {
      readonly stack: string;
      readonly outcome: "failed";
      readonly error: unknown;
      readonly seconds: number;
    }
  /** A wave before it failed, or the command was interrupted. */
  | { readonly stack: string; readonly outcome: "not started" };

/** Bytes that the engine, the program and its plugins take for one stack (docs/benchmarks.md), with a reserve. */
const BYTES_PER_STACK = 2 * 1024 ** 3;

/** Most stacks at once, whatever the machine: clouds limit the rate of calls per account. */
const MOST_AT_ONCE = 4;

/**
 * The order of deployment: the primary makes the secrets that all others read, the standby the bucket that media
 * regions copy to, active regions need the tables that the primary migrates, and media regions know nothing of each other.
 */
export function wavesOf(regions: readonly StackConfig[]): readonly (readonly string[])[] {
  return (["primary", "standby", "active", "media"] as const)
    .map((role) =>
      regions
        .filter((region) => region.role === role)
        .map(({ stack }) => stack)
        .sort(),
    )
    .filter((wave) => wave.length > 0);
}

/** How many stacks this machine can deploy at once. */
export function safeAtOnce(freeBytes: number = freemem()): number {
  return Math.min(MOST_AT_ONCE, Math.max(1, Math.floor(freeBytes / BYTES_PER_STACK)));
}

/**
 * Works through the waves, each wave's stacks `atOnce` at a time. A stack that fails lets the others of its wave go on,
 * and keeps later waves from starting. Never throws: what happened to each stack is in the outcome, in their order.
 */
export async function runWaves<T>(
  waves: readonly (readonly string[])[],
  options: {
    readonly atOnce: number;
    readonly interrupted: AbortSignal;
    readonly now?: () => number;
  },
  act: (stack: string) => Promise<T>,
): Promise<readonly Outcome<T>[]> {
  const now = options.now ?? (() => Date.now());
  const outcomes: Outcome<T>[] = [];
  let mayStart = true;
  for (const wave of waves) {
    const waiting = [...wave];
    const work = async (): Promise<void> => {
      for (let stack = waiting.shift(); stack !== undefined; stack = waiting.shift()) {
        if (!mayStart || options.interrupted.aborted) {
          outcomes.push({ stack, outcome: "not started" });
          continue;
        }
        const began = now();
        const seconds = (): number => (now() - began) / 1000;
        try {
          const value = await act(stack);
          outcomes.push({ stack, outcome: "done", value, seconds: seconds() });
        } catch (error) {
          outcomes.push({ stack, outcome: "failed", error, seconds: seconds() });
        }
      }
    };
    await Promise.all(Array.from({ length: Math.max(1, options.atOnce) }, work));
    mayStart = mayStart && outcomes.every(({ outcome }) => outcome === "done");
  }
  const order = waves.flat();
  return outcomes.sort((one, other) => order.indexOf(one.stack) - order.indexOf(other.stack));
}
