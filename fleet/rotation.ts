import * as z from "zod";
import type { StackConfig } from "../infra/config.ts";
import type { SecretsConfig } from "../infra/secrets-schema.ts";
import { secretsSchema } from "../infra/secrets-schema.ts";
import type { StackUpdate } from "./stacks.ts";

/** A secret that is made anew while both makes are accepted. */
export type Rotated = "livekitKeys" | "peer" | "operator" | "valkey";

/** Which makes of one secret are in use (infra/secrets-schema.ts). */
export interface Make {
  readonly generation: number;
  readonly keepPrevious: boolean;
  readonly signWith: "current" | "previous";
}

/**
 * Where a rotation stands, by the settings in the primary's file:
 * - `settled`: one make;
 * - `both accepted`: the new one is made and accepted everywhere, and nothing uses it;
 * - `new in use`: the new one is used, the old one is still accepted.
 */
export type Phase = "settled" | "both accepted" | "new in use";

/** The phase that settings mean. */
export function phaseOf({ keepPrevious, signWith }: Make): Phase {
  if (!keepPrevious) {
    return "settled";
  }
  return signWith === "previous" ? "both accepted" : "new in use";
}

/** The settings of one secret. */
export function makeOf(secrets: SecretsConfig, secret: Rotated): Make {
  return secret === "valkey" ? { ...secrets.valkey, signWith: "current" } : secrets[secret];
}

/** What the primary's file says of them. */
export function settingOf(secret: Rotated, { generation, keepPrevious, signWith }: Make): unknown {
  return { generation, keepPrevious, ...(secret === "valkey" ? {} : { signWith }) };
}

/**
 * The settings of the phase after. A Valkey's clients are in its own region, and one update gives them its new password
 * once it takes it; other secrets have to be accepted in all regions before one of them uses them.
 */
export function nextMake(secret: Rotated, make: Make): Make {
  const { generation } = make;
  switch (phaseOf(make)) {
    case "settled": {
      const signWith = secret === "valkey" ? "current" : "previous";
      return { generation: generation + 1, keepPrevious: true, signWith };
    }
    case "both accepted":
      return { generation, keepPrevious: true, signWith: "current" };
    case "new in use":
      return { generation, keepPrevious: false, signWith: "current" };
  }
}

/**
 * Whether LiveKit is replaced when a region is deployed with these settings. It reads its configuration only when it
 * starts, and has the one make that is used (ADR 0020).
 */
export function replacesLiveKit(secret: Rotated, make: Make): boolean {
  return (secret === "livekitKeys" || secret === "valkey") && phaseOf(make) === "new in use";
}

/**
 * Seconds for which the old make has to be accepted after everything uses the new one: Meet's join tokens live six
 * hours (suitenumerique/meet, core/utils.py), tokens between gateways and of operators half a minute. A pod of LiveKit
 * or Egress that drains opens connections to its Valkey with the password of its start until it has ended.
 */
export function overlapSeconds(secret: Rotated, regions: Iterable<StackConfig>): number {
  switch (secret) {
    case "livekitKeys":
      return 6 * 3600;
    case "peer":
    case "operator":
      return 120;
    case "valkey": {
      const minutes = [...regions].flatMap(({ media, egress, fleet }) => [
        media.drainDeadlineMinutes,
        egress.enabled ? fleet.recordings.maxDurationMinutes : 0,
      ]);
      return Math.max(...minutes) * 60;
    }
  }
}

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
    const ran = ranWith(update, secret);
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

function ranWith({ config }: StackUpdate, secret: Rotated): Make | undefined {
  const found = deployedSecrets(config);
  return found === undefined ? undefined : makeOf(found, secret);
}

/** The makes that an update of the primary ran with; undefined where its configuration is not one of this version. */
export function deployedSecrets(config: StackUpdate["config"]): SecretsConfig | undefined {
  const text = config.get("meet:secrets") ?? JSON.stringify({});
  return textSchema.pipe(secretsSchema).safeParse(text).data;
}

function isSame(one: Make, other: Make): boolean {
  return one.generation === other.generation && phaseOf(one) === phaseOf(other);
}

function isUp({ kind }: StackUpdate): boolean {
  return kind === "update";
}
