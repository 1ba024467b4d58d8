import Table from "cli-table3";
import { brokenOf, type DrillResult } from "./result.ts";

/** What a drill found, for a terminal: a row for each scenario, then what was broken. */
export function drillTable(result: DrillResult): string {
  const rows = new Table({
    style: { head: [], border: [] },
    head: ["scenario", "people", "out", "median", "95th", "worst", "target", "split", "after"],
    colAligns: ["left", ...Array.from({ length: 8 }, () => "right" as const)],
  });
  for (const { name, recovery, split } of result.scenarios) {
    for (const { participants, affected, medianMs, p95Ms, worstMs, budgetMs } of recovery) {
      rows.push([
        name,
        participants,
        affected,
        seconds(medianMs),
        seconds(p95Ms),
        seconds(worstMs),
        seconds(budgetMs),
        split.during,
        split.after,
      ]);
    }
  }
  const broken = brokenOf(result);
  return [
    rows.toString(),
    ...(broken.length === 0 ? ["Every guarantee of the drill was kept."] : broken),
  ].join("\n");
}

/** Seconds with a tenth; `never` for somebody who did not come back, a dash where there is nothing. */
function seconds(ms: number | null | undefined): string {
  if (ms === undefined) {
    return "—";
  }
  return ms === null ? "never" : `${(ms / 1000).toFixed(1)} s`;
}
