import type { World } from "../world.ts";

/** A rule's test: the same thing once as documented, and once so that the rule is broken. */
export interface RuleCase {
  /** Words that only this refusal has. */
  readonly says: string;
  readonly broken: (world: World) => Promise<unknown>;
  readonly fine: (world: World) => Promise<unknown>;
}

/** Cases by the id of their rule. */
export type RuleCases = Readonly<Record<string, RuleCase>>;
