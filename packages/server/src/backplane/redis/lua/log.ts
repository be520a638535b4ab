import { ENTRY_OVERHEAD } from '../../log/log-segment.js'
import { BUCKETS } from '../reaction-fields.js'
import { TIME } from './time.js'

/**
 * A log is one hash, so that each of its scripts touches one key. The fields:
 *
 * - `h`: epoch, offset and id of the newest entry, offset of the oldest, bytes of all; numbers of the oldest record and
 *   of the next, and the offset up to which records were forgotten
 * - an offset: the id of the entry, id of the previous one, time, field of its key's record, text
 * - `d<digest>`: the record of a client's message: fingerprint, offset, id, time, its number
 * - `q<number>`: digest, time and offset of a record, and a mark of its user, so that the oldest is found
 * - `k<digest>`: the record of the key of a server's message, which goes with its entry
 * - `e<offset>`: for an amendment of a message that was edited, the offset of the amendment before it
 * - `r<offset>.<bucket>`: who reacted to the message at an offset, each on a line: the offset of the entry that made it so,
 *   `+`, or `-` if it was taken back, the user and the reaction
 * - `f`: the offset up to which the feed of all logs has the entries
 * - `c<offset>`: the offset of an entry in that feed
 * - `m<user>`, `u<number>`, `n`: up to where users have read (`marks.ts`)
 * - `b`: offset and id of the newest entry that was left when the last ones were lost
 *
 * One HSET writes all that an append adds, so an error between two lines leaves no hole and no record without its entry.
 * Entries that somebody deleted by hand are a fork: see `mend`.
 */
export const LOG = `${TIME}
local function new_log(key, epoch)
  return { key = key, epoch = epoch, offset = 0, id = epoch, oldest = 1, bytes = 0, first = 1, next = 1, forgotten = 0, seen = {} }
end

-- Lua writes these numbers in full below 1e14, which no log reaches.
local function state_of(log)
  local parts = {
    log.epoch, log.offset, log.id, log.oldest, log.bytes, log.first, log.next, log.forgotten,
  }
  return table.concat(parts, '\\n')
end

local function parse(key, state)
  local epoch, offset, id, oldest, bytes, first, next, forgotten =
    string.match(state, '^([^\\n]*)\\n(%d+)\\n([^\\n]*)\\n(%d+)\\n(%d+)\\n(%d+)\\n(%d+)\\n(%d+)$')
  return {
    key = key, epoch = epoch, offset = tonumber(offset), id = id, oldest = tonumber(oldest), bytes = tonumber(bytes),
    first = tonumber(first), next = tonumber(next), forgotten = tonumber(forgotten), seen = {},
  }
end

local function entry(raw)
  local id, previous, at, key, start = string.match(raw, '^([^\\n]*)\\n([^\\n]*)\\n(%d+)\\n([^\\n]*)\\n()')
  return {
    id = id, previous = previous, at = tonumber(at), key = key, start = start, size = #raw - start + 1 + ${ENTRY_OVERHEAD},
  }
end

local function starts(raw, one, start)
  return string.sub(raw, one.start, one.start + #start - 1) == start
end

local function is_edit(raw, one)
  return starts(raw, one, '{"type":"message_edited",')
end

local function is_reaction(raw, one)
  return starts(raw, one, '{"type":"reaction_added",') or starts(raw, one, '{"type":"reaction_removed",')
end

local function is_amendment(raw, one)
  if is_reaction(raw, one) or starts(raw, one, '{"type":"reactions_erased",') then return true end
  return is_edit(raw, one) or starts(raw, one, '{"type":"message_deleted",') or starts(raw, one, '{"type":"messages_erased",')
end

local function get(log, field)
  local value = log.seen[field]
  if value ~= nil then return value end
  return redis.call('HGET', log.key, field)
end

local function entry_at(log, offset)
  local raw = get(log, text(offset))
  return raw and entry(raw)
end

local function drop(log, fields)
  for i = 1, #fields, 1000 do
    redis.call('HDEL', log.key, unpack(fields, i, math.min(i + 999, #fields)))
  end
end

-- The fields of who reacted to a message, and their bytes. What was never amended has none.
local function reactions_to(log, offset, raw, one)
  local fields, size = {}, 0
  if raw and not string.find(raw, '"version":', one.start, true) then return fields, size end
  local names = {}
  for bucket = 0, ${BUCKETS - 1} do names[#names + 1] = 'r' .. offset .. '.' .. bucket end
  for i, stored in ipairs(redis.call('HMGET', log.key, unpack(names))) do
    -- What the script is about to write counts already.
    local value = log.seen[names[i]] or stored
    if value then fields[#fields + 1], size = names[i], size + #value end
  end
  return fields, size
end

-- They go with their message.
local function drop_reactions(log, gone, offset, raw, one)
  local fields, size = reactions_to(log, offset, raw, one)
  for _, field in ipairs(fields) do gone[#gone + 1] = field end
  log.bytes = math.max(0, log.bytes - size)
end

-- Keeps the newest entries without a hole. What is before a hole is gone as well: whoever reads on from there must be
-- told. Newer entries than the last one that is left have never been: their offsets are assigned again.
local function mend(log)
  log.seen = {}
  local newest, assigned = log.offset, log.offset
  while newest >= log.oldest and not entry_at(log, newest) do newest = newest - 1 end
  local one, oldest, bytes, gone = newest >= log.oldest and entry_at(log, newest), newest + 1, 0, {}
  -- Marks of what is lost fall back to here.
  if one and newest < log.offset then redis.call('HSET', log.key, 'b', text(newest) .. '\\n' .. one.id) end
  if one then log.offset, log.id = newest, one.id end
  while one do
    oldest = oldest - 1
    local raw = get(log, text(oldest))
    local _, size = reactions_to(log, text(oldest), raw, one)
    bytes = bytes + one.size + size
    one = oldest > log.oldest and entry_at(log, oldest - 1)
  end
  for offset = log.oldest, oldest - 1 do
    gone[#gone + 1] = text(offset)
    drop_reactions(log, gone, text(offset))
  end
  -- Or they would be those of other messages.
  for offset = newest + 1, assigned do drop_reactions(log, gone, text(offset)) end
  log.oldest, log.bytes = bytes > 0 and oldest or log.offset + 1, bytes
  drop(log, gone)
  redis.call('HSET', log.key, 'h', state_of(log))
end

-- Reads in one go what most scripts look at.
local function load(key, state)
  if not state then return nil end
  local log = parse(key, state)
  local newest, oldest, record = text(log.offset), text(log.oldest), 'q' .. text(log.first)
  local values = redis.call('HMGET', key, newest, oldest, record)
  log.seen = { [newest] = values[1], [oldest] = values[2], [record] = values[3] }
  if log.oldest <= log.offset and not values[1] then mend(log) end
  return log
end

local function load_or_new(key, state, epoch)
  local log = load(key, state)
  if log then return log end
  -- Not as the first write: after it, a Redis without memory would take all others.
  if redis.call('EXISTS', key) == 1 then redis.call('UNLINK', key) end
  return new_log(key, epoch)
end

-- Adds the fields of entries that the bounds no longer cover to \`gone\`. The newest one may not be in the hash yet.
local function trim(log, bounds, time, gone, newest, newest_key)
  local may_be_old = true
  while log.oldest <= log.offset do
    local is_within = log.offset - log.oldest < bounds.count and log.bytes <= bounds.bytes
    -- What follows an entry is not older.
    if is_within and not may_be_old then return end
    local raw = newest and log.oldest == log.offset and newest or get(log, text(log.oldest))
    local one = raw and entry(raw)
    may_be_old = not one or time - one.at >= bounds.age
    if is_within and not may_be_old then return end
    gone[#gone + 1] = text(log.oldest)
    if one and one.key ~= '' and one.key ~= newest_key then gone[#gone + 1] = one.key end
    if one and is_amendment(raw, one) then gone[#gone + 1] = 'e' .. text(log.oldest)
    elseif one then drop_reactions(log, gone, text(log.oldest), raw, one) end
    gone[#gone + 1] = 'c' .. text(log.oldest)
    log.oldest, log.bytes = log.oldest + 1, math.max(0, log.bytes - (one and one.size or 0))
  end
  log.bytes = 0
end

-- For nodes that watch rooms without following them: one channel for all streams of a partition.
local function tell_changed(channel)
  local tag = string.find(channel, '}:live:', 1, true)
  redis.call('SPUBLISH', string.sub(channel, 1, tag) .. ':changed', string.sub(channel, tag + 7))
end

-- Adds the fields of the oldest records to \`gone\`, if they are older than the window.
local function prune(log, window, most, time, gone)
  for _ = 1, most do
    if log.first >= log.next then return end
    local field = 'q' .. text(log.first)
    local digest, at, offset = string.match(get(log, field) or '', '^([^\\n]*)\\n(%d+)\\n(%d+)\\n')
    if digest and time - tonumber(at) < window then return end
    if digest then
      gone[#gone + 1], gone[#gone + 2] = field, 'd' .. digest
      log.forgotten = math.max(log.forgotten, tonumber(offset))
    end
    log.first = log.first + 1
  end
end
`
