import { randomUUID } from "node:crypto";
import type { BucketCalls, Listed } from "../storage/bucket-calls.ts";
import type { Buckets } from "../storage/buckets.ts";
import { DELETIONS_PREFIX } from "./deletions.ts";

/** Where intents are, in the home's bucket: an empty object for each request, below the recording's id. */
export const INTENTS_PREFIX = "deletion-intents/";

/** An intent older than this has no request any more: Meet's workers end one after 90 s. */
export const OPEN_MS = 10 * 60_000;

/**
 * Deletions that Meet is being asked for, written down before it is. An intent deletes nothing. It becomes a deletion
 * when Meet has done its part, is taken away when Meet refuses, and stays, for all to see, while neither is known.
 */
export class Intents {
  private readonly buckets: Buckets;
  private readonly calls: Pick<BucketCalls, "list" | "put" | "remove">;

  constructor(buckets: Buckets, calls: Pick<BucketCalls, "list" | "put" | "remove">) {
    this.buckets = buckets;
    this.calls = calls;
  }

  /** Writes one down; gives its key. @throws S3Failed */
  async open(id: string): Promise<string> {
    const key = `${INTENTS_PREFIX}${id}/${randomUUID()}`;
    await this.calls.put(this.buckets.home(), key);
    return key;
  }

  /** Meet has deleted the recording: its files are to go, and what was meant is done. @throws S3Failed */
  async confirm(id: string): Promise<void> {
    const home = this.buckets.home();
    await this.calls.put(home, DELETIONS_PREFIX + id);
    for (const { key } of await this.calls.list(home, `${INTENTS_PREFIX}${id}/`)) {
      await this.calls.remove(home, key);
    }
  }

  /** Meet still has the recording: this intent is void, and so are those whose request is long over. @throws S3Failed */
  async withdraw(id: string, own: string, nowMs: number): Promise<void> {
    const home = this.buckets.home();
    for (const { key, modifiedMs } of await this.calls.list(home, `${INTENTS_PREFIX}${id}/`)) {
      if (key === own || nowMs - modifiedMs > OPEN_MS) {
        await this.calls.remove(home, key);
      }
    }
  }

  /** Whether one is written down. @throws S3Failed */
  async has(id: string): Promise<boolean> {
    const found = await this.calls.list(this.buckets.home(), `${INTENTS_PREFIX}${id}/`);
    return found.length > 0;
  }

  /** Intents whose request is over, and of which nobody knows what Meet did. @throws S3Failed */
  async unsettled(nowMs: number): Promise<readonly Listed[]> {
    const all = await this.calls.list(this.buckets.home(), INTENTS_PREFIX);
    return all.filter(({ modifiedMs }) => nowMs - modifiedMs > OPEN_MS);
  }
}
