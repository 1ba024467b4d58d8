import { InvalidArgumentError } from "commander";
import { table } from "../../plan/text.ts";
import { isReached, type Figure } from "./figure.ts";

/** A whole number of the command line. @throws for another */
export function positive(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) {
    throw new InvalidArgumentError("Give a whole number from 1 up.");
  }
  return number;
}

/** The figures as a table, and what each was made from. */
export function report(figures: readonly Figure[]): string {
  const rows = figures.map((one) => [
    one.what,
    `${one.value} ${one.unit}`,
    one.target === undefined ? "—" : `${one.isFloor === true ? "≥" : "≤"} ${one.target}`,
    one.target === undefined ? "" : isReached(one) ? "reached" : "missed",
    one.load.toFixed(1),
  ]);
  return [
    table(rows, { head: ["what", "measured", "target", "", "load"], right: [1, 2, 4] }),
    "",
    ...figures.map(({ what, from }) => `${what}: ${from}`),
    "",
  ].join("\n");
}
