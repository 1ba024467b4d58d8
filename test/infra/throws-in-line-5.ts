/** For stacks-of-errors.test.ts, which looks for line 5 of this file. */

/** Always fails. */
export function noSubnets(): never {
  throw new Error("no subnets");
}
