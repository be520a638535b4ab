import { WHOLE } from './flags.js'
import { TIME } from './time.js'

/** The approximate cost of an entry in addition to its text. The memory log uses the same figure. */
const OVERHEAD = 120

/**
 * Entries are added as `<offset>-0` with the fields i (id), p (id of the previous entry), t (time), s (bytes of the
 * log up to its end) and m (text). The log itself determines where it ends; the values in meta count only after the
 * entries have expired. So an error between any two lines leaves no hole, and deleting entries by hand is a fork: a
 * log that ends before the position in meta has lost entries, and assigns their offsets again.
 */
const LOG = `${TIME}
local function entry(raw)
  local field = raw[2]
  return {
    offset = tonumber(string.match(raw[1], '^%d+')),
    id = field[2], previous = field[4], at = tonumber(field[6]), sum = tonumber(field[8]), open = field[10],
  }
end

local function first(log)
  local raw = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  return raw and entry(raw)
end

local function at_offset(log, offset)
  local raw = redis.call('XRANGE', log, text(offset) .. '-0', text(offset) .. '-0')[1]
  return raw and entry(raw)
end

local function head(log, meta)
  local noted = redis.call('HMGET', meta, 'epoch', 'offset', 'id')
  if not noted[1] then return nil end
  local raw = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  local last = raw and entry(raw) or { offset = tonumber(noted[2]), id = noted[3], sum = 0 }
  last.epoch = noted[1]
  return last
end

local function head_or_new(log, meta, epoch, ttl)
  local known = head(log, meta)
  if known then return known end
  -- Not as the first write: after it, a Redis without memory would take all others.
  if redis.call('EXISTS', log) == 1 then redis.call('DEL', log) end
  redis.call('HSET', meta, 'epoch', epoch, 'offset', 0, 'id', epoch)
  redis.call('PEXPIRE', meta, ttl)
  return { epoch = epoch, offset = 0, id = epoch, sum = 0 }
end

local function trim(log, sum, bytes, age)
  local time, oldest = now(), first(log)
  while oldest and (time - oldest.at >= age or sum - oldest.sum + #oldest.open + ${OVERHEAD} > bytes) do
    redis.call('XTRIM', log, 'MINID', '=', text(oldest.offset + 1) .. '-0')
    oldest = first(log)
  end
  return oldest
end

-- What is before a hole is gone as well: whoever reads on from there must be told.
local function without_holes(log, oldest, last)
  if not oldest or redis.call('XLEN', log) == last.offset - oldest.offset + 1 then return oldest end
  local kept = last.offset
  for i, raw in ipairs(redis.call('XREVRANGE', log, '+', '-')) do
    local one = entry(raw)
    if one.offset ~= last.offset - i + 1 then break end
    kept = one.offset
  end
  redis.call('XTRIM', log, 'MINID', '=', text(kept) .. '-0')
  return first(log)
end
`

/**
 * The record of a message is written first, and counts only if the log still has the entry that it names. So after an
 * error in between, a repeat is appended, and neither lost nor duplicated. The record of a key counts only while its
 * entry is in the log. A repeat also writes, since WAIT waits for the last write of its connection.
 */
export const APPEND = `${WHOLE}${LOG}
local function has_lost(log, last, epoch, offset, id)
  if epoch ~= last.epoch or offset > last.offset then return true end
  local there = offset == last.offset and last or at_offset(log, offset)
  return there and there.id ~= id
end

local function is_kept(log, offset, id)
  local there = at_offset(log, offset)
  return there and there.id == id
end

local function known(sent, log, last, must_be_kept)
  local record = redis.call('GET', sent)
  if not record then return nil end
  local fingerprint, epoch, offset, id, timestampMs = string.match(record, '^(.-)\\n(.-)\\n(.-)\\n(.-)\\n(.*)$')
  if has_lost(log, last, epoch, tonumber(offset), id) then return nil end
  if must_be_kept and not is_kept(log, tonumber(offset), id) then return nil end
  return { fingerprint = fingerprint, offset = offset, id = id, timestampMs = timestampMs }
end

-- A stream takes no number again, even of an entry that was deleted: a new one with the same entries does.
local function rewrite(log)
  local raws = redis.call('XRANGE', log, '-', '+')
  redis.call('DEL', log)
  for _, raw in ipairs(raws) do redis.call('XADD', log, raw[1], unpack(raw[2])) end
end

local function add(log, ...)
  local added = redis.pcall('XADD', log, ...)
  if type(added) ~= 'table' or not added.err then return end
  if not string.find(added.err, 'equal or smaller', 1, true) then error(added) end
  rewrite(log)
  redis.call('XADD', log, ...)
end

local log, meta = KEYS[1], KEYS[2]
local id, open, timestampMs, fingerprint, channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local count, bytes, age, window, idle = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[10]
local last = head_or_new(log, meta, ARGV[11], idle)
local is_key = ARGV[12] == 'kept'
local sent = fingerprint ~= '' and KEYS[3]
local stream, feed_count, feed_bytes, feed_channel = ARGV[13], ARGV[14], tonumber(ARGV[15]), ARGV[16]

-- The feed is one more log, of the entries of all streams. It never expires, for cursors of it are kept elsewhere.
local function add_change(one)
  local feed, feed_meta = KEYS[#KEYS - 1], KEYS[#KEYS]
  local newest = head_or_new(feed, feed_meta, ARGV[11], idle)
  local line = table.concat({ last.epoch, text(one.offset), one.previous, stream, one.open }, '\\n')
  local number, sum = text(newest.offset + 1), newest.sum + #line + ${OVERHEAD}
  local field = { 'i', one.id, 'p', newest.id, 't', text(now()), 's', text(sum), 'm', line }
  add(feed, 'MAXLEN', '=', feed_count, number .. '-0', unpack(field))
  redis.call('HSET', feed_meta, 'offset', number, 'id', one.id)
  redis.call('PERSIST', feed_meta)
  trim(feed, sum, feed_bytes, math.huge)
end

-- Also what an error, or a node without the feed, has left out; not all of a long log in one go.
local function feed_the_rest()
  if feed_count == '' then return end
  local fed = math.min(tonumber(redis.call('HGET', meta, 'fed') or '0'), last.offset)
  for _, raw in ipairs(redis.call('XRANGE', log, text(fed + 1) .. '-0', '+', 'COUNT', 1000)) do
    local one = entry(raw)
    add_change(one)
    redis.call('HSET', meta, 'fed', text(one.offset))
  end
  redis.call('SPUBLISH', feed_channel, '')
end

if sent then
  if is_key then trim(log, last.sum, bytes, age) end
  local first_time = known(sent, log, last, is_key)
  if first_time and first_time.fingerprint ~= fingerprint then return { 'conflict' } end
  if first_time then
    redis.call('PEXPIRE', sent, window)
    feed_the_rest()
    return { 'duplicate', last.epoch, first_time.offset, first_time.id, first_time.timestampMs }
  end
end
if ARGV[17] and has_lost(log, last, ARGV[17], tonumber(ARGV[18]), ARGV[19]) then return { 'out_of_order' } end
local offset = text(last.offset + 1)
if sent then
  local record = table.concat({ fingerprint, last.epoch, offset, id, timestampMs }, '\\n')
  redis.call('SET', sent, record, 'PX', window)
end
local sum = last.sum + #open + ${OVERHEAD}
add(log, 'MAXLEN', '=', count, offset .. '-0', 'i', id, 'p', last.id, 't', text(now()), 's', text(sum), 'm', open)
redis.call('HSET', meta, 'offset', offset, 'id', id)
redis.call('PEXPIRE', log, text(age))
redis.call('PEXPIRE', meta, idle)
trim(log, sum, bytes, age)
feed_the_rest()
redis.call('SPUBLISH', channel, table.concat({ 'entry', last.epoch, offset, id, last.id, open }, '\\n'))
return { 'accepted', last.epoch, offset, id, timestampMs }
`

export const READ = `${LOG}
local log, meta = KEYS[1], KEYS[2]
local bytes, age = tonumber(ARGV[3]), tonumber(ARGV[4])
local direction, from, limit, room = ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local asked = tonumber(ARGV[9])
local last = head_or_new(log, meta, ARGV[1], ARGV[2])
local oldest = without_holes(log, trim(log, last.sum, bytes, age), last)
local raws = {}
if limit > 0 and direction == 'after' then
  raws = redis.call('XRANGE', log, from, '+', 'COUNT', limit)
elseif limit > 0 then
  raws = redis.call('XREVRANGE', log, from, '-', 'COUNT', limit)
end
local page = {}
for _, raw in ipairs(raws) do
  local one = entry(raw)
  room = room - #one.open - ${OVERHEAD}
  if room < 0 and #page > 0 then break end
  page[#page + 1] = { text(one.offset), one.id, one.previous, one.open, text(one.at) }
end
local id = false
if asked == last.offset then
  id = last.id
elseif asked and oldest and asked == oldest.offset - 1 then
  id = oldest.previous
elseif asked then
  local there = at_offset(log, asked)
  id = there and there.id or false
end
local oldest_offset = oldest and oldest.offset or last.offset + 1
return { last.epoch, text(last.offset), last.id, text(oldest_offset), id, page }
`

export const STANDING = `${LOG}
local log, meta, present, idle = KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[1])
local version = redis.call('HGET', present, 'version') or '0'
for _, key in ipairs({ meta, present }) do
  local left = redis.call('PTTL', key)
  if left >= 0 and left < idle / 2 then redis.call('PEXPIRE', key, ARGV[1]) end
end
local last = head(log, meta)
if not last then return { version } end
return { version, last.epoch, text(last.offset), last.id }
`
