import type { Snapshot } from "./baseline.ts";
import { compare } from "./compare.ts";
import type { Comparison } from "./compare.ts";
import { estimateCosts } from "./costs.ts";
import type { PriceTable } from "./prices.ts";
import type { Recorded } from "./recorded.ts";

/** What a branch does to one stack. */
export interface StackDifference {
  readonly stack: string;
  /** Whether the stack's file is new, gone, or in both revisions. */
  readonly kind: "added" | "removed" | "kept";
  readonly comparison: Comparison;
  readonly usdPerMonthBefore: number;
  readonly usdPerMonthAfter: number;
  readonly usdPerMonthChange: number;
}

/** The stacks of one revision, as far as a comparison needs them. */
export type ComparedStacks = Readonly<
  Record<string, { readonly awsRegion: string; readonly resources: readonly Recorded[] }>
>;

/** What changes in every stack between two revisions. Both are priced with the same table. Pure. */
export function differencesOf(
  before: Snapshot["stacks"],
  after: ComparedStacks,
  prices: PriceTable,
): Map<string, StackDifference> {
  const stacks = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return new Map(
    stacks.map((stack) => {
      const old = before[stack];
      const now = after[stack];
      const usd = (side: typeof old): number =>
        side === undefined
          ? 0
          : estimateCosts(side.resources, side.awsRegion, prices).fixedUsdPerMonth;
      const [usdBefore, usdAfter] = [usd(old), usd(now)];
      return [
        stack,
        {
          stack,
          kind: old === undefined ? "added" : now === undefined ? "removed" : "kept",
          comparison: compare(old?.resources ?? [], now?.resources ?? []),
          usdPerMonthBefore: usdBefore,
          usdPerMonthAfter: usdAfter,
          usdPerMonthChange: Number((usdAfter - usdBefore).toFixed(2)),
        },
      ];
    }),
  );
}
