import * as z from "zod";
import type { SecretsConfig } from "../infra/secrets-schema.ts";
import { secretsSchema } from "../infra/secrets-schema.ts";
import type { StackUpdate } from "./stacks.ts";

/** A shared secret that is made anew while both makes are accepted. */
export type Rotated = keyof SecretsConfig;

/** The settings of one secret (infra/secrets-schema.ts). */
export type Make = SecretsConfig[Rotated];

/**
 * Where a rotation stands, by the settings in the primary's file:
 * - `settled`: one make;
 * - `both accepted`: the new one is made and accepted everywhere, and nothing is signed with it;
 * - `new signs`: the new one signs, the old one is still accepted.
 */
export type Phase = "settled" | "both accepted" | "new signs";

/** The phase that settings mean. */
export function phaseOf({ keepPrevious, signWith }: Make): Phase {
  if (!keepPrevious) {
    return "settled";
  }
  return signWith === "previous" ? "both accepted" : "new signs";
}

/** The settings of the phase after. */
export function nextMake(make: Make): Make {
  const { generation } = make;
  switch (phaseOf(make)) {
    case "settled":
      return { generation: generation + 1, keepPrevious: true, signWith: "previous" };
    case "both accepted":
      return { generation, keepPrevious: true, signWith: "current" };
    case "new signs":
      return { generation, keepPrevious: false, signWith: "current" };
  }
}

/**
 * Seconds for which the old make has to be accepted after everything signs with the new one: Meet's join tokens live
 * six hours (suitenumerique/meet, core/utils.py), tokens between gateways and of operators half a minute.
 */
export const OVERLAP_SECONDS = {
  livekitKeys: 6 * 3600,
  peer: 120,
  operator: 120,
} as const satisfies Record<Rotated, number>;

/** Since when the settings of the file are deployed, by region; undefined where they are not. */
export type DeployedSince = ReadonlyMap<string, number | undefined>;

/**
 * Finds in the stacks' histories since when these settings are in use. The primary's updates say which settings they
 * ran with. The others read the primary's file and its secrets: theirs is the first update that succeeded and began
 * after the primary's had ended.
 * @param histories the newest update first
 */
export function deployedSince(
  secret: Rotated,
  make: Make,
  primary: string,
  histories: ReadonlyMap<string, readonly StackUpdate[]>,
): DeployedSince {
  const own = firstOfRun(histories.get(primary) ?? [], secret, make);
  return new Map(
    [...histories].map(([stack, updates]): [string, number | undefined] => {
      if (stack === primary || own === undefined) {
        return [stack, own];
      }
      const after = updates.filter((it) => it.succeeded && isUp(it) && it.startedAt >= own);
      return [stack, after.at(-1)?.endedAt];
    }),
  );
}

/** When the oldest of the newest updates in a row that ran with these settings had ended. */
function firstOfRun(
  updates: readonly StackUpdate[],
  secret: Rotated,
  make: Make,
): number | undefined {
  let since: number | undefined;
  for (const update of updates.filter((it) => it.succeeded && isUp(it))) {
    const ran = makeOf(update, secret);
    if (ran === undefined || !isSame(ran, make)) {
      break;
    }
    since = update.endedAt;
  }
  return since;
}

const textSchema = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "no JSON" });
    return z.NEVER;
  }
});

function makeOf({ config }: StackUpdate, secret: Rotated): Make | undefined {
  const found = textSchema
    .pipe(secretsSchema)
    .safeParse(config.get("meet:secrets") ?? JSON.stringify({}));
  return found.data?.[secret];
}

function isSame(one: Make, other: Make): boolean {
  return one.generation === other.generation && phaseOf(one) === phaseOf(other);
}

function isUp({ kind }: StackUpdate): boolean {
  return kind === "update";
}
