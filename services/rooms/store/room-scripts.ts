import { CHANGED_CHANNEL } from "./changes.ts";
import { script } from "./script.ts";

/**
 * The scripts of the claim store. Each is one atomic step. A room is a hash:
 * epoch, region, tenure, state, cause, confirmed, fresh (the claim), clean, sid (what this region hosts), asked (the last
 * tenure that LiveKit was asked to make the room for).
 * Numbers are kept as the text that came: cjson and tostring print what is above 10^14 with an exponent.
 *
 * KEYS of all: the room's hash, the index of rooms, the set of left-overs. ARGV of all: room, own region.
 */

/** Milliseconds that a closed claim is kept: longer than any old claim may turn up again from a region that was away. */
export const TOMBSTONE_MS = 7 * 24 * 60 * 60 * 1000;

const COMMON = `
local ROOM, OWN = ARGV[1], ARGV[2]
local CLAIM = {'epoch', 'region', 'tenure', 'state', 'cause', 'confirmed', 'fresh'}

local function known()
  return redis.call('HMGET', KEYS[1], 'epoch', 'region', 'tenure', 'state', 'cause', 'confirmed',
    'fresh', 'clean', 'sid', 'asked')
end

-- Lua's own comparison of strings goes by the locale of the server.
local function before(left, right)
  for i = 1, math.min(#left, #right) do
    if left:byte(i) ~= right:byte(i) then return left:byte(i) < right:byte(i) end
  end
  return #left < #right
end

local function compare(left, right)
  local one, other = tonumber(left[1]), tonumber(right[1])
  if one ~= other then return one < other and -1 or 1 end
  if left[2] ~= right[2] then return before(left[2], right[2]) and -1 or 1 end
  if left[4] == right[4] then return 0 end
  return left[4] == 'closed' and 1 or -1
end

-- True if LiveKit may have the room although another region is the host by now.
local function isLeftover(held)
  local last = math.max(tonumber(held[8] or 0), tonumber(held[10] or 0))
  return held[1] and held[2] ~= OWN and last > 0 and tonumber(held[1]) > last
end

local function markLeftover(held)
  redis.call(isLeftover(held) and 'SADD' or 'SREM', KEYS[3], ROOM)
end

local function ask(tenure)
  local held = known()
  if not held[10] or tonumber(held[10]) < tonumber(tenure) then
    redis.call('HSET', KEYS[1], 'asked', tenure)
    held[10] = tenure
  end
  markLeftover(held)
end

local function keep(held)
  if held[1] and held[4] == 'open' then
    redis.call('PERSIST', KEYS[1])
  else
    redis.call('PEXPIRE', KEYS[1], ${TOMBSTONE_MS})
  end
end

local function write(claim)
  for i, field in ipairs(CLAIM) do redis.call('HSET', KEYS[1], field, claim[i]) end
  redis.call('ZADD', KEYS[2], 0, ROOM)
  local held = known()
  keep(held)
  markLeftover(held)
  redis.call('PUBLISH', '${CHANGED_CHANNEL}', ROOM)
  return held
end

local function confirm(held, claim)
  if claim[6] == '1' and held[6] ~= '1' then
    redis.call('HSET', KEYS[1], 'confirmed', '1')
    redis.call('PUBLISH', '${CHANGED_CHANNEL}', ROOM)
    held[6] = '1'
  end
  return held
end

local function reply(outcome, held)
  return {outcome, held[1], held[2], held[3], held[4], held[5], held[6], held[7], held[8], held[9],
    held[10]}
end

local function claimAt(from)
  return {ARGV[from], ARGV[from + 1], ARGV[from + 2], ARGV[from + 3], ARGV[from + 4], ARGV[from + 5],
    ARGV[from + 6]}
end
`;

export const READ = script(`${COMMON}
return reply(1, known())
`);

/**
 * ARGV 3-9: the claim; 10-13: epoch, region, state and confirmation expected, the epoch empty for none. What was confirmed
 * since it was read is something else than what was expected.
 */
export const PUT = script(`${COMMON}
local held, claim = known(), claimAt(3)
local order = held[1] and compare(claim, held)
if order == 0 then return reply(1, confirm(held, claim)) end
local expected
if ARGV[10] == '' then
  expected = not held[1]
else
  expected = held[1] and tonumber(held[1]) == tonumber(ARGV[10]) and held[2] == ARGV[11]
    and held[4] == ARGV[12] and (held[6] ~= '1' or ARGV[13] == '1')
end
if expected and (not order or order > 0) then return reply(1, write(claim)) end
return reply(0, held)
`);

/** ARGV 3-9: the claim. */
export const MERGE = script(`${COMMON}
local held, claim = known(), claimAt(3)
local order = held[1] and compare(claim, held)
if not order or order > 0 then return reply(1, write(claim)) end
if order == 0 then confirm(held, claim) end
return reply(1, held)
`);

/** ARGV 3-5: region, tenure, LiveKit's id. If it is refused, LiveKit has been asked for a room that may be a left-over. */
export const ADMIT = script(`${COMMON}
local held = known()
if held[4] == 'open' and held[6] == '1' and held[2] == ARGV[3]
  and tonumber(held[3]) == tonumber(ARGV[4]) and held[8]
  and tonumber(held[8]) == tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[1], 'sid', ARGV[5])
  return reply(1, held)
end
if ARGV[3] == OWN then ask(ARGV[4]) end
return reply(0, held)
`);

/** ARGV 3: tenure. Of a room that is being moved here the claim is not here yet. */
export const ASK = script(`${COMMON}
ask(ARGV[3])
keep(known())
return 1
`);

/** ARGV 3-4: region, LiveKit's id. The host alone closes a meeting, so the closed claim needs nobody's confirmation. */
export const CLOSE = script(`${COMMON}
local held = known()
if held[4] ~= 'open' or held[2] ~= ARGV[3] or held[9] ~= ARGV[4] then return reply(0, held) end
held[4], held[6] = 'closed', '1'
return reply(1, write(held))
`);

/**
 * KEYS 4: the right to clean. ARGV 3-4: holder, tenure. Refused for a tenure that a higher claim has ended; a tenure whose
 * claim is not here yet, of a room that is being moved here, is recorded.
 */
export const FINISH_CLEANING = script(`${COMMON}
if redis.call('GET', KEYS[4]) ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[4])
local held = known()
local ended = held[1] and tonumber(held[3]) ~= tonumber(ARGV[4])
  and tonumber(held[1]) >= tonumber(ARGV[4])
if ended then return 0 end
if not held[8] or tonumber(held[8]) ~= tonumber(ARGV[4]) then
  redis.call('HSET', KEYS[1], 'clean', ARGV[4])
  redis.call('HDEL', KEYS[1], 'sid')
  held = known()
  keep(held)
  markLeftover(held)
end
return 1
`);

export const FORGET_HOSTING = script(`${COMMON}
if isLeftover(known()) then redis.call('HDEL', KEYS[1], 'clean', 'sid', 'asked') end
markLeftover(known())
return 1
`);

/** KEYS: the set of left-overs. ARGV: beginning of a room's key, how many. Drops those whose hash is gone. */
export const LEFTOVERS = script(`
local rooms = redis.call('SRANDMEMBER', KEYS[1], ARGV[2])
local found = {}
for _, room in ipairs(rooms) do
  local made = redis.call('HMGET', ARGV[1] .. room, 'clean', 'asked')
  if made[1] or made[2] then
    found[#found + 1] = room
  else
    redis.call('SREM', KEYS[1], room)
  end
end
return found
`);

/**
 * KEYS: the index. ARGV: beginning of a room's key, where to begin, how many. Gives the last room looked at, then room
 * and claim, flat. Drops those whose claim is gone.
 */
export const PAGE = script(`
local rooms = redis.call('ZRANGE', KEYS[1], ARGV[2], '+', 'BYLEX', 'LIMIT', 0, ARGV[3])
local page = {#rooms == tonumber(ARGV[3]) and rooms[#rooms] or false}
for _, room in ipairs(rooms) do
  local held = redis.call('HMGET', ARGV[1] .. room, 'epoch', 'region', 'tenure', 'state', 'cause',
    'confirmed', 'fresh')
  if held[1] then
    page[#page + 1] = room
    for i = 1, 7 do page[#page + 1] = held[i] end
  else
    redis.call('ZREM', KEYS[1], room)
  end
end
return page
`);

/** KEYS: the set of those who come. ARGV: milliseconds that they are expected for, identities. */
export const EXPECT_REJOIN = script(`
for i = 2, #ARGV do redis.call('SADD', KEYS[1], ARGV[i]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[1])
`);
