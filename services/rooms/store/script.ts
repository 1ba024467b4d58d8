import { createHash } from "node:crypto";

/** A Lua script: one atomic step in the store. */
export interface Script {
  readonly text: string;
  /** By which the store knows it once it has run it. */
  readonly sha: string;
}

/** A script of its text. */
export function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** A reply that is a list, such as Lua's table. */
export function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) {
    throw new Error(`Valkey "reply": a ${typeof reply} came where a list was expected.`);
  }
  return reply;
}

/** Text of a reply; undefined for nil. */
export function textOf(reply: unknown): string | undefined {
  if (reply === null || reply === undefined) {
    return undefined;
  }
  if (typeof reply === "string" || typeof reply === "number") {
    return String(reply);
  }
  throw new Error(`Valkey "reply": a ${typeof reply} came where text was expected.`);
}

/** The texts of a reply that is a list without nil. */
export function textsOf(reply: unknown): readonly string[] {
  return listOf(reply).map((item) => textOf(item) ?? "");
}
