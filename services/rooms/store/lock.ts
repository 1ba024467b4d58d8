import { script } from "./script.ts";
import type { Valkey } from "./valkey.ts";

const TAKE = script(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

const RELEASE = script(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
`);

/** Rights that one holder has at a time and that end by themselves, so that a dead holder blocks nobody for long. */
export class Locks {
  private readonly valkey: Valkey;
  private readonly prefix: string;

  constructor(valkey: Valkey, prefix = "rooms:lock:") {
    this.valkey = valkey;
    this.prefix = prefix;
  }

  /** Takes or renews it; false while somebody else has it. */
  async take(name: string, holder: string, ttlMs: number): Promise<boolean> {
    return (await this.valkey.run(TAKE, [this.prefix + name], [holder, ttlMs])) === 1;
  }

  /** Takes it if nobody has it, this holder neither: for jobs of which one pod, too, may do only one at a time. */
  async takeFree(name: string, holder: string, ttlMs: number): Promise<boolean> {
    const key = this.prefix + name;
    return (await this.valkey.command("SET", key, holder, "PX", ttlMs, "NX")) === "OK";
  }

  /** Gives it back, if it is the holder's. */
  async release(name: string, holder: string): Promise<boolean> {
    return (await this.valkey.run(RELEASE, [this.prefix + name], [holder])) === 1;
  }
}
