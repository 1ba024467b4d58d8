import { readFileSync, renameSync, writeFileSync } from "node:fs";

import { z } from "zod";

import { providerNames, type Thing } from "./model.ts";
import { isMap, type ValueMap } from "./values.ts";

const valueMapSchema = z.custom<ValueMap>((value) => isMap(value), "an object");

const fileSchema = z.strictObject({
  version: z.literal(1),
  accountId: z.string(),
  objects: z.record(z.string(), z.array(z.string())),
  things: z.array(
    z.strictObject({
      provider: z.enum(providerNames),
      type: z.string(),
      id: z.string(),
      scope: z.string(),
      urn: z.string(),
      inputs: valueMapSchema,
      state: valueMapSchema,
      secretOutputs: z.array(z.string()),
    }),
  ),
});

/** What is kept of a cloud between two runs of the stand-in. */
export interface Stored {
  readonly accountId: string;
  /** Keys of the objects in each bucket. */
  readonly objects: Record<string, string[]>;
  readonly things: Thing[];
}

/** Reads a state file; undefined when there is none yet. */
export function readStored(file: string): Stored | undefined {
  let content: string;
  try {
    content = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  const parsed = fileSchema.safeParse(parseJson(content));
  if (!parsed.success) {
    throw new Error(
      `Stand-in cloud "${file}": the state file does not hold a cloud ` +
        `(${parsed.error.issues[0]?.path.join(".") ?? ""}). Remove it to start with an empty one.`,
    );
  }
  return parsed.data;
}

/** Replaces the state file in one step, so that a kill never leaves half of one. It holds secrets: mode 0600. */
export function writeStored(file: string, stored: Stored): void {
  const next = `${file}.next`;
  writeFileSync(next, JSON.stringify({ version: 1, ...stored }), { mode: 0o600 });
  renameSync(next, file);
}

function parseJson(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
