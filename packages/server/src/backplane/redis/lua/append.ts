import { ENTRY_OVERHEAD } from '../../log/log-segment.js'
import { WHOLE } from './flags.js'
import { LOG } from './log.js'
import { MARKS } from './marks.js'
import { RESTRAINT } from './restrict.js'
import { REWRITING } from './rewriting.js'

/** What the channel of the feed says of an entry that takes the texts out of others; of any other it says nothing. */
export const RETRACTION = 'retraction'

/**
 * What an append needs is in the first arguments. With the feed of all logs, there is a second key: it is one more log,
 * of the same kind, and each of its entries holds an entry of another.
 */
export const APPENDING = `${LOG}
local key = KEYS[1]
local id, open, channel, epoch, stream, feed_channel = unpack(ARGV, 1, 6)
local count, bytes, age, window, idle, feed_count, feed_bytes = unpack(ARGV, 7, 13)
local feed_key = feed_count ~= '' and KEYS[2]
local bounds = { count = tonumber(count), bytes = tonumber(bytes), age = tonumber(age) }

-- Writes an entry at the end, and in the same step what is in \`set\`: fields, each followed by its value.
local function add(log, one, within, time, set, gone)
  local raw = table.concat({ one.id, log.id, text(one.at), one.key, one.open }, '\\n')
  log.offset, log.id, log.bytes = log.offset + 1, one.id, log.bytes + #one.open + ${ENTRY_OVERHEAD}
  trim(log, within, time, gone, raw, one.key)
  if log.oldest <= log.offset then
    set[#set + 1] = text(log.offset)
    set[#set + 1] = raw
  end
  redis.call('HSET', log.key, 'h', state_of(log), unpack(set))
  drop(log, gone)
end

-- It never expires, for cursors of it are kept elsewhere.
local function add_change(log, feed, offset, one, text_of_it)
  local line = table.concat({ log.epoch, text(offset), one.previous, stream, text_of_it }, '\\n')
  local within = { count = tonumber(feed_count), bytes = tonumber(feed_bytes), age = math.huge }
  add(feed, { id = one.id, at = one.at, key = '', open = line }, within, one.at, {}, {})
end

-- Also what an error, or a node without the feed, has left out; not all of a long log in one go.
local function feed_the_rest(log)
  if not feed_key then return end
  local feed = load_or_new(feed_key, redis.call('HGET', feed_key, 'h'), epoch)
  local fed = math.min(tonumber(redis.call('HGET', key, 'f') or '0'), log.offset)
  local first = math.max(fed + 1, log.oldest)
  for offset = first, math.min(first + 999, log.offset) do
    local raw = redis.call('HGET', key, text(offset))
    local one = raw and entry(raw)
    if one then add_change(log, feed, offset, one, string.sub(raw, one.start)) end
    redis.call('HSET', key, 'f', text(offset), 'c' .. text(offset), text(feed.offset))
  end
  local takes_texts = string.find(open, '^{"type":"message_deleted",') or string.find(open, '^{"type":"messages_erased",')
  redis.call('SPUBLISH', feed_channel, takes_texts and '${RETRACTION}' or '')
end

local function append(log, time, record_field, set, gone)
  local previous = log.id
  add(log, { id = id, at = time, key = record_field, open = open }, bounds, time, set, gone)
  redis.call('PEXPIRE', key, idle)
  feed_the_rest(log)
  tell_changed(channel)
  redis.call('SPUBLISH', channel, table.concat({ 'entry', log.epoch, text(log.offset), id, previous, open }, '\\n'))
end
`

/**
 * A repeat also writes, since WAIT waits for the last write of its connection. The last key is that of the
 * restrictions, if there is a writer.
 */
export const APPEND = `${WHOLE}${APPENDING}${REWRITING}${RESTRAINT}${MARKS}
local timestamp, field, fingerprint, mark, against, seen, after_epoch, after_offset, after_id = unpack(ARGV, 14, 22)
local amending = ARGV[23]
local found = redis.call('HMGET', key, 'h', field)
local log = load_or_new(key, found[1], epoch)
local time, set, gone = now(), {}, {}
local function is_key(field)
  return string.sub(field, 1, 1) == 'k'
end

-- Where an amendment that changes nothing is remembered. The record of a key goes with its entry, and would stay for ever.
local field_of_nothing = is_key(field) and 'd' .. field or field

local function is_lost(offset, id)
  if offset >= log.offset then return offset > log.offset or id ~= log.id end
  local there = entry_at(log, offset)
  return there and there.id ~= id
end

-- The record of a key counts only while its entry is in the log.
local function is_kept(offset, id)
  local there = offset >= log.oldest and entry_at(log, offset)
  return there and there.id == id and time - there.at < bounds.age
end

local function repeated(field, record)
  local print, offset, id, timestamp, number = string.match(record, '^(.-)\\n(%d+)\\n(.-)\\n(.-)\\n(%d*)$')
  local counts = not is_lost(tonumber(offset), id) and (not is_key(field) or is_kept(tonumber(offset), id))
  if counts then return { print = print, offset = offset, id = id, timestamp = timestamp } end
  -- It would be pruned in the place of the new one.
  if not is_key(field) then redis.call('HDEL', key, field, 'q' .. number) end
end

local function remember(field, offset, id, timestamp, newest)
  local number = is_key(field) and '' or text(log.next)
  set[1], set[2] = field, table.concat({ fingerprint, offset, id, timestamp, number }, '\\n')
  if is_key(field) then return end
  set[3], set[4] = 'q' .. number, table.concat({ string.sub(field, 2), text(time), newest, mark }, '\\n')
  log.next = log.next + 1
end

-- The answer to an amendment that changes nothing.
local function note(offset, id, timestamp)
  local there = entry_at(log, tonumber(offset))
  if not there or there.id ~= id then return { 'moved' } end
  if field ~= '' then
    remember(field_of_nothing, offset, id, timestamp, text(log.offset))
    redis.call('HSET', key, 'h', state_of(log), unpack(set))
    drop(log, gone)
  end
  return { 'duplicate', log.epoch, offset, id, timestamp }
end

-- Changes a line of those who reacted, or removes all that begin so. What entries before the log took back is forgotten.
local function react(field, sign, name, offset)
  local lines, before = {}, redis.call('HGET', key, field) or ''
  for line in string.gmatch(before, '[^\\n]+') do
    local at, is_on, of = string.match(line, '^(%d+) ([+-]) (.*)$')
    local is_other = sign == '' and string.sub(of, 1, #name) ~= name or sign ~= '' and of ~= name
    if is_other and (is_on == '+' or tonumber(at) >= log.oldest) then lines[#lines + 1] = line end
  end
  if sign ~= '' then lines[#lines + 1] = table.concat({ offset, sign, name }, ' ') end
  local after = table.concat(lines, '\\n')
  log.bytes = math.max(0, log.bytes + #after - #before)
  log.seen[field] = after
  if after ~= '' then
    set[#set + 1] = field
    set[#set + 1] = after
  elseif before ~= '' then
    gone[#gone + 1] = field
  end
end

-- Adds to \`set\` what an amendment changes, if its target still has the text that the node has read.
local function amend(target, read, before, after, previous, field, sign, name)
  local raw = tonumber(target) >= log.oldest and get(log, target)
  local one = raw and entry(raw)
  if not one or time - one.at >= bounds.age then return { 'moved' } end
  if redis.sha1hex(string.sub(raw, one.start)) ~= read then return { 'moved' } end
  local offset = text(log.offset + 1)
  put(log, target, raw, one, before .. offset .. after, set)
  rewrite(log, 32, set, gone)
  if field == 'all' then drop_reactions(log, gone, target, raw, one)
  elseif field ~= '' then react(field, sign, name, offset) end
  if previous ~= '0' then
    set[#set + 1] = 'e' .. offset
    set[#set + 1] = previous
  end
end

local first = found[1] and found[2] and repeated(field, found[2])
if found[1] and is_key(field) and not first then
  local record = redis.call('HGET', key, field_of_nothing)
  first = record and repeated(field_of_nothing, record)
end
if first and first.print ~= fingerprint then return { 'conflict' } end
if first then
  redis.call('PEXPIRE', key, idle)
  feed_the_rest(log)
  return { 'duplicate', log.epoch, first.offset, first.id, first.timestamp }
end
if seen ~= '' and tonumber(seen) < log.forgotten then return { 'forgotten' } end
if after_epoch and after_epoch ~= '' and (after_epoch ~= log.epoch or is_lost(tonumber(after_offset), after_id)) then return { 'out_of_order' } end
local restrained = against ~= '' and restraint(KEYS[#KEYS], string.sub(against, 1, 3), string.sub(against, 5), time)
if restrained then return restrained end
if amending == 'refused' then return { 'refused' } end
prune(log, tonumber(window), 2, time, gone)
if amending == 'unchanged' then return note(unpack(ARGV, 24, 26)) end
if field ~= '' then remember(field, text(log.offset + 1), id, timestamp, text(log.offset + 1)) end
local moved = amending == 'changed' and amend(unpack(ARGV, 24, 31))
if moved then return moved end
if amending == 'read_by' then
  local read = { marks = tonumber(ARGV[25]), marks_ms = tonumber(ARGV[26]) }
  put_mark(log, ARGV[24], log.offset + 1, id, time, read, set, gone)
end
append(log, time, is_key(field) and field or '', set, gone)
return { 'accepted', log.epoch, text(log.offset), id, timestamp }
`
