import { StoreAway } from "../placement/ports.ts";
import type { Valkey } from "./valkey.ts";

/** Ids kept in memory; a token lives 30 s, so this is more than 3,000 calls a second. */
const MAX_REMEMBERED = 100_000;

/**
 * The once-only ids of peers' and operators' tokens. All pods of the region share them; while the store is away each pod
 * knows its own only, so that calls between regions go on.
 */
export class SeenTokens {
  private readonly valkey: Valkey;
  private readonly nowMs: () => number;
  /** Id to the time when it may be forgotten. */
  private readonly own = new Map<string, number>();

  constructor(valkey: Valkey, nowMs: () => number = Date.now) {
    this.valkey = valkey;
    this.nowMs = nowMs;
  }

  /** True the first time that an id is seen within its life. */
  async isFirst(id: string, lifeSeconds: number): Promise<boolean> {
    const now = this.nowMs();
    this.forgetUntil(now);
    if ((this.own.get(id) ?? 0) > now) {
      return false;
    }
    this.own.set(id, now + lifeSeconds * 1000);
    try {
      const key = `rooms:seen:${id}`;
      const reply = await this.valkey.command("SET", key, "1", "NX", "EX", Math.ceil(lifeSeconds));
      return reply === "OK";
    } catch (error) {
      if (error instanceof StoreAway) {
        return true;
      }
      throw error;
    }
  }

  /** Lives hardly differ, so the oldest end first. */
  private forgetUntil(now: number): void {
    for (const [id, end] of this.own) {
      if (end > now && this.own.size < MAX_REMEMBERED) {
        return;
      }
      this.own.delete(id);
    }
  }
}
