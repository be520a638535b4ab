import { ALWAYS, WHOLE } from './flags.js'
import { LOG } from './log.js'

/** How much older than its last move a mark may seem, so that most moves write one field. */
const COARSE_MS = 3_600_000

/**
 * Up to where users have read. The fields of a log for this:
 *
 * - `m<user>`: offset and id of the mark, when it was moved last (to the hour), and its number
 * - `u<number>`: the user of a mark, so that the oldest and the newest are found
 * - `n`: the oldest of these numbers, the next one, and how many marks there are
 */
export const MARKS = `
local function mark_in(value)
  if not value then return nil end
  local offset, id, at, number = string.match(value, '^(%d+)\\n([^\\n]*)\\n(%d+)\\n(%d+)$')
  return { offset = tonumber(offset), id = id, at = tonumber(at), number = number }
end

local function counters_in(value)
  local first, next, count = string.match(value or '1\\n1\\n0', '^(%d+)\\n(%d+)\\n(%d+)$')
  return tonumber(first), tonumber(next), tonumber(count)
end

local function counters_of(first, next, count)
  return table.concat({ text(first), text(next), text(count) }, '\\n')
end

-- Adds to \`set\` and \`gone\` what moves the mark of a user to an entry.
local function put_mark(log, user, offset, id, time, bounds, set, gone)
  local known = redis.call('HMGET', log.key, 'm' .. user, 'n')
  local old = mark_in(known[1])
  local number, at = old and old.number, old and old.at
  if not old or time - at >= math.min(${COARSE_MS}, bounds.marks_ms / 8) then
    local first, next, count = counters_in(known[2])
    if old then gone[#gone + 1] = 'u' .. number else count = count + 1 end
    number, at, next = text(next), time, next + 1
    -- A few of the oldest: numbers of marks that have another one by now, and marks that are too many or too old.
    for _ = 1, 4 do
      if first >= next - 1 then break end
      local field = 'u' .. text(first)
      local other = redis.call('HGET', log.key, field)
      local one = other and other ~= user and mark_in(redis.call('HGET', log.key, 'm' .. other))
      if one and one.number == text(first) then
        if count <= bounds.marks and time - one.at < bounds.marks_ms then break end
        gone[#gone + 1] = 'm' .. other
        count = count - 1
      end
      if other then gone[#gone + 1] = field end
      first = first + 1
    end
    set[#set + 1] = 'u' .. number
    set[#set + 1] = user
    set[#set + 1] = 'n'
    set[#set + 1] = counters_of(first, next, count)
  end
  set[#set + 1] = 'm' .. user
  set[#set + 1] = table.concat({ text(offset), id, text(at), number }, '\\n')
end
`

const READING = `${LOG}${MARKS}
local key, time = KEYS[1], now()
local log = load(key, redis.call('HGET', key, 'h'))
local bounds = { marks = tonumber(ARGV[1]), marks_ms = tonumber(ARGV[2]) }

-- A mark of an entry that was lost stands where the log broke. Of an entry that was dropped, nobody knows better.
local function standing(mark)
  local there = mark.offset < log.offset and entry_at(log, mark.offset)
  local id = there and there.id or mark.offset == log.offset and log.id
  if mark.offset <= log.offset and (not id or id == mark.id) then return mark end
  local offset, id_there = string.match(redis.call('HGET', key, 'b') or '', '^(%d+)\\n(.*)$')
  if not offset or tonumber(offset) >= mark.offset then return nil end
  return { offset = tonumber(offset), id = id_there, at = mark.at, number = mark.number }
end

local function mark_of(value)
  local mark = mark_in(value)
  if mark and time - mark.at < bounds.marks_ms then return standing(mark) end
end
`

/** The arguments that both scripts have: user, the user's name in JSON, most unread, most looked at, age, and types. */
const COUNTING = `${READING}
local user, name, most, looked, age = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local types, last_type = tonumber(ARGV[8]), 8 + tonumber(ARGV[8])

local function parsed(raw, one)
  return cjson.decode(string.sub(raw, one.start) .. '}')
end

local function mentions(raw, one)
  if not string.find(raw, ',"mentions":[', one.start, true) or not string.find(raw, name, one.start, true) then return 0 end
  local mentioned = parsed(raw, one).mentions
  for _, other in ipairs(type(mentioned) == 'table' and mentioned or {}) do
    if other == user then return 1 end
  end
  return 0
end

-- The first place with the author's name is the message's own: in its text, which alone comes before, quotes are escaped.
local function is_own(raw, one)
  local start = string.find(raw, ',"user_id":', one.start, true)
  local author = ',"user_id":' .. name .. ','
  return start and string.sub(raw, start, start + #author - 1) == author
end

-- Whether it counts, and whether it mentions the user.
local function weigh(raw, one)
  if not starts(raw, one, '{"type":"chat_message",') then
    for i = 9, last_type do
      if starts(raw, one, '{"type":' .. ARGV[i] .. ',') then return 1, 0 end
    end
    return 0, 0
  end
  local is_empty = starts(raw, one, '{"type":"chat_message","message":"",')
  if is_own(raw, one) or (is_empty and parsed(raw, one).deleted == true) then return 0, 0 end
  return 1, mentions(raw, one)
end

local function count_above(offset)
  local unread, mentioned, last = 0, 0, math.max(offset + 1, log.oldest, log.offset - looked + 1)
  for start = log.offset, last, -32 do
    local fields = {}
    for at = start, math.max(start - 31, last), -1 do fields[#fields + 1] = text(at) end
    for _, raw in ipairs(redis.call('HMGET', key, unpack(fields))) do
      local one = raw and entry(raw)
      -- What is before a hole, or too old, is gone.
      if not one or time - one.at >= age then return unread, mentioned end
      local counts, mentions_user = weigh(raw, one)
      unread, mentioned = unread + counts, mentioned + mentions_user
      if unread == most then return unread, mentioned end
    end
  end
  return unread, mentioned
end

local function reading(mark, moved)
  local unread, mentioned = count_above(mark and mark.offset or 0)
  local offset, id = mark and text(mark.offset) or '', mark and mark.id or ''
  return { log.epoch, text(log.offset), log.id, offset, id, unread, mentioned, moved }
end
`

export const READ_UNREAD = `${COUNTING}
if not log then return {} end
return reading(mark_of(redis.call('HGET', key, 'm' .. user)))
`

export const MOVE_MARK = `${WHOLE}${COUNTING}
if not log then return {} end
local to = { epoch = ARGV[last_type + 1], offset = tonumber(ARGV[last_type + 2]), id = ARGV[last_type + 3] }
local mark = mark_of(redis.call('HGET', key, 'm' .. user))

local function is_there()
  if to.epoch ~= log.epoch or to.offset > log.offset then return false end
  if to.offset == log.offset then return to.id == log.id end
  local there = to.offset >= log.oldest and entry_at(log, to.offset)
  return there and there.id == to.id
end

if to.offset <= (mark and mark.offset or 0) or not is_there() then return reading(mark, 0) end
local set, gone = {}, {}
put_mark(log, user, to.offset, to.id, time, bounds, set, gone)
redis.call('HSET', key, unpack(set))
drop(log, gone)
return reading(to, 1)
`

/** The marks that were moved last: user, offset and id of each. There may be numbers without one between them. */
export const LIST_MARKS = `${READING}
if not log then return {} end
local most, found = tonumber(ARGV[3]), { log.epoch }
local first, next = counters_in(redis.call('HGET', key, 'n'))
for start = next - 1, math.max(first, next - 8 * most), -64 do
  local numbers, fields = {}, {}
  for number = start, math.max(start - 63, first), -1 do numbers[#numbers + 1] = text(number) end
  for i, number in ipairs(numbers) do fields[i] = 'u' .. number end
  for i, user in ipairs(redis.call('HMGET', key, unpack(fields))) do
    local mark = user and mark_of(redis.call('HGET', key, 'm' .. user))
    if mark and mark.number == numbers[i] then
      found[#found + 1], found[#found + 2], found[#found + 3] = user, text(mark.offset), mark.id
      if #found > 3 * most then return found end
    end
  end
end
return found
`

/** Removes the mark of a user. */
export const FORGET_MARK = `${ALWAYS}${LOG}${MARKS}
local key, user = KEYS[1], ARGV[1]
local known = redis.call('HMGET', key, 'm' .. user, 'n')
local mark = mark_in(known[1])
if not mark then return 0 end
local first, next, count = counters_in(known[2])
redis.call('HSET', key, 'n', counters_of(first, next, count - 1))
return redis.call('HDEL', key, 'm' .. user, 'u' .. mark.number)
`
