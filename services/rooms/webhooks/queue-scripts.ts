import { script } from "../store/script.ts";

/**
 * The scripts of the webhook queue; each is one atomic step. An event is a hash (kind, subject, room, sid, body, at,
 * strikes, struck, recording, and reason once it is set aside) under its id; a subject is a list of ids.
 *
 * KEYS of all: due (subjects by the time of their next try), leases (subject to the pod's right), others and recordings
 * (ids by the time they came), bytes, aside (ids by the time they were set aside). ARGV 1 of all: prefix of the other
 * keys. The store's clock is the only one.
 */
const COMMON = `
local DUE, LEASES, OTHERS, RECORDINGS, BYTES, ASIDE = unpack(KEYS)
local PREFIX = ARGV[1]
local time = redis.call('TIME')
local NOW = time[1] * 1000 + math.floor(time[2] / 1000)

local function whole(number) return string.format('%.0f', number) end
local function eventKey(id) return PREFIX .. 'event:' .. id end
local function subjectKey(subject) return PREFIX .. 'subject:' .. subject end
local function ages(recording) return recording == '1' and RECORDINGS or OTHERS end

-- Takes an event out of its subject's list; the next one is due at once.
local function unlist(id, subject)
  redis.call('LREM', subjectKey(subject), 1, id)
  if redis.call('EXISTS', subjectKey(subject)) == 0 then
    redis.call('ZREM', DUE, subject)
    redis.call('HDEL', LEASES, subject)
  end
end

local function forget(id)
  local subject, recording, body =
    unpack(redis.call('HMGET', eventKey(id), 'subject', 'recording', 'body'))
  if not subject then return end
  unlist(id, subject)
  redis.call('ZREM', ages(recording), id)
  redis.call('DECRBY', BYTES, #body)
  redis.call('DEL', eventKey(id))
end

local function count() return redis.call('ZCARD', OTHERS) + redis.call('ZCARD', RECORDINGS) end

-- Forgets what is too old, and the oldest while there is too much, recordings' events last: a thousand at a time, so
-- that others get their turn at the store. Gives what fell out, flat.
local function shed(maxEvents, maxBytes, maxAge)
  local lost = {}
  local function drop(set)
    local id = redis.call('ZRANGE', set, 0, 0)[1]
    local kind, subject = unpack(redis.call('HMGET', eventKey(id), 'kind', 'subject'))
    for _, part in ipairs({id, kind, subject}) do lost[#lost + 1] = part end
    forget(id)
    redis.call('ZREM', set, id)
  end
  for _, set in ipairs({OTHERS, RECORDINGS}) do
    while #lost < ${3 * 1000} and redis.call('ZCOUNT', set, '-inf', whole(NOW - maxAge)) > 0 do
      drop(set)
    end
  end
  while #lost < ${3 * 1000}
    and (count() > maxEvents or tonumber(redis.call('GET', BYTES) or '0') > maxBytes) do
    if redis.call('ZCARD', OTHERS) > 0 then drop(OTHERS)
    elseif redis.call('ZCARD', RECORDINGS) > 0 then drop(RECORDINGS)
    else redis.call('DEL', BYTES) break end
  end
  return lost
end

-- True if this pod still has the right to the subject, which ends here.
local function giveBack(subject, lease)
  if redis.call('HGET', LEASES, subject) ~= lease then return false end
  redis.call('HDEL', LEASES, subject)
  redis.call('ZADD', DUE, whole(NOW), subject)
  return true
end
`;

/** ARGV: limits (events, bytes, age), ms that ids are remembered; id, kind, subject, room, sid, body, recording. */
export const ADD = script(`${COMMON}
local id, kind, subject, room, sid, body, recording = unpack(ARGV, 6)
local seen = PREFIX .. 'seen:' .. id
if redis.call('EXISTS', eventKey(id)) == 1 or not redis.call('SET', seen, '1', 'NX', 'PX', ARGV[5])
then return {0, {}} end
redis.call('HSET', eventKey(id), 'kind', kind, 'subject', subject, 'room', room, 'sid', sid,
  'body', body, 'at', whole(NOW), 'strikes', '0', 'struck', '0', 'recording', recording)
redis.call('RPUSH', subjectKey(subject), id)
redis.call('ZADD', DUE, 'NX', whole(NOW), subject)
redis.call('ZADD', ages(recording), whole(NOW), id)
redis.call('INCRBY', BYTES, #body)
return {1, shed(tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))}
`);

/** ARGV: how many, lease, ms that it lasts. Gives nine fields of each event, flat. */
export const TAKE = script(`${COMMON}
local taken = {}
local subjects = redis.call('ZRANGE', DUE, '-inf', whole(NOW), 'BYSCORE', 'LIMIT', 0, ARGV[2])
for _, subject in ipairs(subjects) do
  local id = redis.call('LINDEX', subjectKey(subject), 0)
  if id and redis.call('EXISTS', eventKey(id)) == 0 then
    unlist(id, subject)
  elseif id then
    local held = redis.call('HMGET', eventKey(id), 'kind', 'room', 'sid', 'body', 'at', 'strikes',
      'struck')
    local struck = tonumber(held[7]) > 0 and NOW - tonumber(held[7]) or 0
    for _, part in ipairs({id, held[1], subject, held[2], held[3], held[4],
      whole(NOW - tonumber(held[5])), held[6], whole(struck)}) do
      taken[#taken + 1] = part
    end
    redis.call('HSET', LEASES, subject, ARGV[3])
    redis.call('ZADD', DUE, whole(NOW + tonumber(ARGV[4])), subject)
  else
    redis.call('ZREM', DUE, subject)
  end
end
return taken
`);

/** ARGV: id, subject, lease. */
export const DONE = script(`${COMMON}
if not giveBack(ARGV[3], ARGV[4]) then return 0 end
forget(ARGV[2])
return 1
`);

/** ARGV: id, subject, lease, ms to wait, strikes. */
export const LATER = script(`${COMMON}
if not giveBack(ARGV[3], ARGV[4]) then return 0 end
redis.call('ZADD', DUE, whole(NOW + tonumber(ARGV[5])), ARGV[3])
if redis.call('EXISTS', eventKey(ARGV[2])) == 1 then
  redis.call('HSET', eventKey(ARGV[2]), 'strikes', ARGV[6])
  if ARGV[6] == '0' then redis.call('HSET', eventKey(ARGV[2]), 'struck', '0')
  elseif ARGV[6] == '1' then redis.call('HSET', eventKey(ARGV[2]), 'struck', whole(NOW)) end
end
return 1
`);

/** ARGV: id, subject, lease, reason, how many are kept. */
export const SET_ASIDE = script(`${COMMON}
local id = ARGV[2]
if not giveBack(ARGV[3], ARGV[4]) then return 0 end
local recording, body = unpack(redis.call('HMGET', eventKey(id), 'recording', 'body'))
if not body then return 0 end
unlist(id, ARGV[3])
redis.call('ZREM', ages(recording), id)
redis.call('DECRBY', BYTES, #body)
redis.call('HSET', eventKey(id), 'reason', ARGV[5])
redis.call('ZADD', ASIDE, whole(NOW), id)
while redis.call('ZCARD', ASIDE) > tonumber(ARGV[6]) do
  redis.call('DEL', eventKey(redis.call('ZPOPMIN', ASIDE)[1]))
end
return 1
`);

/** ARGV: limits (events, bytes, age). */
export const TRIM = script(`${COMMON}
return shed(tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
`);

export const STATS = script(`${COMMON}
local oldest = NOW
for _, set in ipairs({OTHERS, RECORDINGS}) do
  local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if first[2] then oldest = math.min(oldest, tonumber(first[2])) end
end
return {count(), redis.call('GET', BYTES) or '0', whole(NOW - oldest), redis.call('ZCARD', ASIDE)}
`);

/** ARGV: how many. Gives six fields of each event, flat; the latest first. */
export const LIST_SET_ASIDE = script(`${COMMON}
local found = {}
local held = redis.call('ZRANGE', ASIDE, 0, tonumber(ARGV[2]) - 1, 'REV', 'WITHSCORES')
for i = 1, #held, 2 do
  local event = redis.call('HMGET', eventKey(held[i]), 'kind', 'subject', 'reason', 'at')
  for _, part in ipairs({held[i], event[1], event[2], event[3], event[4], whole(tonumber(held[i + 1]))})
  do found[#found + 1] = part end
end
return found
`);

/** ARGV: id. */
export const RETRY = script(`${COMMON}
local id = ARGV[2]
if redis.call('ZREM', ASIDE, id) == 0 then return 0 end
local subject, recording, body =
  unpack(redis.call('HMGET', eventKey(id), 'subject', 'recording', 'body'))
redis.call('HDEL', eventKey(id), 'reason')
redis.call('HSET', eventKey(id), 'at', whole(NOW), 'strikes', '0', 'struck', '0')
redis.call('RPUSH', subjectKey(subject), id)
redis.call('ZADD', DUE, 'NX', whole(NOW), subject)
redis.call('ZADD', ages(recording), whole(NOW), id)
redis.call('INCRBY', BYTES, #body)
return 1
`);
