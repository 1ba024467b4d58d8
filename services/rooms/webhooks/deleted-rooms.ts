import type { Valkey } from "../store/valkey.ts";

/** Seconds that a deletion is remembered: longer than LiveKit keeps a webhook. */
const REMEMBERED_SECONDS = 24 * 60 * 60;

/** LiveKit's ids of the rooms that gateways of this region deleted: Meet must not hear that they ended. */
export class DeletedRooms {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  /** To be called before the room is deleted. @throws StoreAway */
  async mark(sid: string): Promise<void> {
    await this.valkey.command("SET", keyOf(sid), "1", "EX", REMEMBERED_SECONDS);
  }

  /** @throws StoreAway */
  async has(sid: string): Promise<boolean> {
    return (await this.valkey.command("EXISTS", keyOf(sid))) === 1;
  }
}

function keyOf(sid: string): string {
  return `rooms:deleted:${sid}`;
}
