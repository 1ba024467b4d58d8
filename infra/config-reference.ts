import { z } from "zod";
import { ENCRYPTED } from "./config-fields.ts";
import { DATABASE_URL_KEY } from "./external-stores.ts";
import { SECRET_KEYS } from "./fleet-rules.ts";
import { fleetSchema } from "./fleet-schema.ts";
import { SIZE_DEFAULTS, SIZES } from "./sizes.ts";
import { homeSchema, stackSchema } from "./stack-schema.ts";

/** One setting, as the README's table lists it. */
export interface Setting {
  readonly key: string;
  /** Which files may hold it. */
  readonly where: "every stack" | "primary and standby" | "primary" | "primary and active";
  /** What it has to be, in the words of its error. */
  readonly form: string;
  /** Its default, or the defaults of the three sizes; nothing when it has none. */
  readonly default?: string;
}

interface Leaf {
  readonly key: string;
  readonly schema: z.core.$ZodType;
  readonly default: unknown;
}

function leaves(key: string, schema: z.core.$ZodType, fallback: unknown): Leaf[] {
  if (schema instanceof z.ZodDefault) {
    return leaves(key, schema.unwrap(), schema.def.defaultValue);
  }
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodExactOptional) {
    return leaves(key, schema.unwrap(), fallback);
  }
  if (schema instanceof z.ZodDiscriminatedUnion) {
    return schema.options.flatMap((option) => leaves(key, option, undefined));
  }
  if (!(schema instanceof z.ZodObject)) {
    return [{ key, schema, default: fallback }];
  }
  const given = new Map(
    typeof fallback === "object" && fallback !== null ? Object.entries(fallback) : [],
  );
  const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
  return Object.entries(shape).flatMap(([name, inner]) =>
    leaves(key === "" ? name : `${key}.${name}`, inner, given.get(name)),
  );
}

/** The form out of the sentence that a value of the wrong kind gets: `… Write it in plain: <form>, such as …`. */
function formOf(schema: z.core.$ZodType): string {
  if (schema instanceof z.ZodLiteral) {
    return [...schema.values].map(String).join(", ");
  }
  const sentence = z.safeParse(schema, ENCRYPTED).error?.issues[0]?.message ?? "";
  const form = /(?:Write it in plain: |is not )(.*?)(?:, such as .*)?\.(?: Write| Choose|$)/.exec(
    sentence,
  )?.[1];
  return form ?? sentence;
}

function text(value: unknown): string | undefined {
  return value === undefined
    ? undefined
    : typeof value === "string"
      ? value
      : JSON.stringify(value);
}

function settings(where: Setting["where"], bySize: readonly (readonly Leaf[])[]): Setting[] {
  const [first = []] = bySize;
  const keys = [...new Set(first.map(({ key }) => key))];
  return keys.map((key) => {
    const forms = new Set(
      first.filter((leaf) => leaf.key === key).map((leaf) => formOf(leaf.schema)),
    );
    const defaults = bySize.map((each) => text(each.find((leaf) => leaf.key === key)?.default));
    const distinct = [...new Set(defaults)];
    const shown = distinct.length === 1 ? distinct[0] : defaults.join(" / ");
    return {
      key,
      where,
      form: [...forms].join(", "),
      ...(shown === undefined ? {} : { default: shown }),
    };
  });
}

/** Every setting a stack file may hold, in the order of the schema. */
export function listSettings(): Setting[] {
  return [
    { key: "aws:region", where: "every stack", form: "an AWS region of the commercial partition" },
    ...settings(
      "every stack",
      SIZES.map((size) => leaves("", stackSchema(SIZE_DEFAULTS[size]), undefined)),
    ),
    ...settings(
      "primary and standby",
      SIZES.map((size) => leaves("", homeSchema(SIZE_DEFAULTS[size]), undefined)),
    ),
    ...settings("primary", [leaves("", fleetSchema, undefined)]),
    ...SECRET_KEYS.map((key): Setting => ({
      key,
      where: key === DATABASE_URL_KEY ? "primary and active" : "primary",
      form: "a secret",
    })),
  ];
}

/** The README's table: every setting, where it stands, what it has to be, its default (small / medium / large). */
export function settingsTable(): string {
  const rows = listSettings().map(
    ({ key, where, form, default: given }) =>
      `| \`${key}\` | ${where} | ${form} | ${given === undefined ? "" : `\`${given}\``} |`,
  );
  return ["| Key | File | Value | Default |", "| --- | --- | --- | --- |", ...rows, ""].join("\n");
}
