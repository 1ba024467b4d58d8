import { StoreAway } from "../placement/ports.ts";
import { script, textOf } from "./script.ts";
import type { Valkey } from "./valkey.ts";

const KEY = "rooms:members";

/** Times a change is tried when another pod changed the list in between. */
const MAX_TRIES = 10;

const REPLACE = script(`
local held = redis.call('GET', KEYS[1]) or ''
if held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
`);

/** The member list as the pods of the region share it: a text, whose form is the peers' own. */
export class MembersStore {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  /** @throws StoreAway */
  async load(): Promise<string | undefined> {
    return textOf(await this.valkey.command("GET", KEY));
  }

  /**
   * Replaces the list by what `change` makes of it, so that no change of another pod is lost. `change` may run more than
   * once. Gives what is stored after.
   * @throws StoreAway, also where others keep changing it
   */
  async update(change: (held: string | undefined) => string): Promise<string> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const held = await this.load();
      const next = change(held);
      if (next === held || (await this.valkey.run(REPLACE, [KEY], [held ?? "", next])) === 1) {
        return next;
      }
    }
    throw new StoreAway(`Member list: it changed ${MAX_TRIES} times while it was being changed.`);
  }
}
