import { listOf, script, textOf } from "./script.ts";
import type { Valkey } from "./valkey.ts";

/** Who pinned a room. An operator's pin goes before every rule, an owner's after them. */
export type PinnedBy = "operator" | "owner";

/** Where a room's next meeting is to be. Of two pins by the same kind the later one holds, in every region. */
export interface Pin {
  readonly room: string;
  readonly by: PinnedBy;
  /** Undefined where a pin was taken away. */
  readonly region: string | undefined;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Decides between two of the same millisecond. */
  readonly nonce: string;
}

const KINDS: readonly PinnedBy[] = ["operator", "owner"];
const PIN_PREFIX = "rooms:pin:";
const INDEX_KEY = "rooms:pins";
const PAGE_SIZE = 500;

/** Milliseconds for which an owner's pin, and the mark of one taken away, are kept. An operator's stays. */
const OWNERS_PIN_MS = 30 * 24 * 60 * 60 * 1000;
const TAKEN_AWAY_MS = 7 * 24 * 60 * 60 * 1000;

/** KEYS: the pin, the index. ARGV: name in the index, region, at, nonce, time to live or 0. */
const PUT = script(`
local at, nonce = unpack(redis.call('HMGET', KEYS[1], 'at', 'nonce'))
local function before(left, right)
  for i = 1, math.min(#left, #right) do
    if left:byte(i) ~= right:byte(i) then return left:byte(i) < right:byte(i) end
  end
  return #left < #right
end
if not at or tonumber(at) < tonumber(ARGV[3]) or (tonumber(at) == tonumber(ARGV[3])
  and before(nonce, ARGV[4])) then
  redis.call('HSET', KEYS[1], 'region', ARGV[2], 'at', ARGV[3], 'nonce', ARGV[4])
  redis.call('ZADD', KEYS[2], 0, ARGV[1])
  if ARGV[5] == '0' then redis.call('PERSIST', KEYS[1])
  else redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
end
return redis.call('HMGET', KEYS[1], 'region', 'at', 'nonce')
`);

/** KEYS: the index. ARGV: beginning of a pin's key, where to begin, how many. */
const PAGE = script(`
local names = redis.call('ZRANGE', KEYS[1], ARGV[2], '+', 'BYLEX', 'LIMIT', 0, ARGV[3])
local page = {#names == tonumber(ARGV[3]) and names[#names] or false}
for _, name in ipairs(names) do
  local held = redis.call('HMGET', ARGV[1] .. name, 'region', 'at', 'nonce')
  if held[1] then
    page[#page + 1] = name
    for i = 1, 3 do page[#page + 1] = held[i] end
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return page
`);

/** The pins of rooms in the region's store. Every method throws StoreAway. */
export class PinsStore {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  /** Writes a pin unless a later one of its kind is there; gives the one that holds. */
  async put(pin: Pin): Promise<Pin> {
    const name = nameOf(pin.room, pin.by);
    const life = pin.region === undefined ? TAKEN_AWAY_MS : pin.by === "owner" ? OWNERS_PIN_MS : 0;
    const args = [name, pin.region ?? "", pin.at, pin.nonce, life];
    const held = listOf(await this.valkey.run(PUT, [PIN_PREFIX + name, INDEX_KEY], args));
    return pinOf(name, held.map(textOf)) ?? pin;
  }

  /** The room's pins, marks of those taken away included. */
  async get(room: string): Promise<Partial<Record<PinnedBy, Pin>>> {
    const found = await Promise.all(
      KINDS.map(async (by) => {
        const name = nameOf(room, by);
        const fields = await this.valkey.command(
          "HMGET",
          PIN_PREFIX + name,
          "region",
          "at",
          "nonce",
        );
        return pinOf(name, listOf(fields).map(textOf));
      }),
    );
    return Object.fromEntries(found.flatMap((pin) => (pin === undefined ? [] : [[pin.by, pin]])));
  }

  /** All pins in pages; the first cursor is "0". */
  async list(cursor: string): Promise<{ readonly pins: readonly Pin[]; readonly next?: string }> {
    const from = cursor.startsWith(">") ? `(${cursor.slice(1)}` : "-";
    const reply = await this.valkey.run(PAGE, [INDEX_KEY], [PIN_PREFIX, from, PAGE_SIZE]);
    const [last, ...flat] = listOf(reply).map(textOf);
    const pins: Pin[] = [];
    for (let at = 0; at < flat.length; at += 4) {
      const pin = pinOf(flat[at] ?? "", flat.slice(at + 1, at + 4));
      if (pin !== undefined) {
        pins.push(pin);
      }
    }
    return last === undefined ? { pins } : { pins, next: `>${last}` };
  }
}

function nameOf(room: string, by: PinnedBy): string {
  return `${by}:${room}`;
}

function pinOf(name: string, fields: readonly (string | undefined)[]): Pin | undefined {
  const [region, at, nonce] = fields;
  const by = KINDS.find((kind) => name.startsWith(`${kind}:`));
  if (by === undefined || region === undefined || at === undefined) {
    return undefined;
  }
  const room = name.slice(by.length + 1);
  return {
    room,
    by,
    region: region === "" ? undefined : region,
    at: Number(at),
    nonce: nonce ?? "",
  };
}
