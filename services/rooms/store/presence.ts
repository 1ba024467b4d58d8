import { listOf, script, textOf } from "./script.ts";
import type { Valkey } from "./valkey.ts";

/** Milliseconds after which what a pod said is forgotten: it says it again every few seconds while it lives. */
export const PRESENCE_MS = 30_000;

/** A hash per room: pod to "<time> <JSON of identities>", by the store's clock, so that pods' clocks do not matter. */
const SET = script(`
if ARGV[2] == '[]' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local time = redis.call('TIME')
  local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
  redis.call('HSET', KEYS[1], ARGV[1], now .. ' ' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ${PRESENCE_MS})
end
return 1
`);

const GET = script(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {}
local held = redis.call('HGETALL', KEYS[1])
for i = 1, #held, 2 do
  local at = string.find(held[i + 1], ' ', 1, true)
  if now - tonumber(string.sub(held[i + 1], 1, at - 1)) <= ${PRESENCE_MS} then
    found[#found + 1] = string.sub(held[i + 1], at + 1)
  else
    redis.call('HDEL', KEYS[1], held[i])
  end
end
return found
`);

/** Who is connected to this region's LiveKit, through which pod. */
export class Presence {
  private readonly valkey: Valkey;

  constructor(valkey: Valkey) {
    this.valkey = valkey;
  }

  /** What this pod has of a room; nobody at the end. To be said again within 30 s. */
  async set(room: string, pod: string, identities: readonly string[]): Promise<void> {
    await this.valkey.run(SET, [keyOf(room)], [pod, JSON.stringify(identities)]);
  }

  /** Identities connected through any pod, each once. */
  async get(room: string): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const text of listOf(await this.valkey.run(GET, [keyOf(room)], []))) {
      const identities: unknown = JSON.parse(textOf(text) ?? "[]");
      for (const identity of listOf(identities)) {
        found.add(String(identity));
      }
    }
    return [...found];
  }
}

function keyOf(room: string): string {
  return `rooms:presence:${room}`;
}
