import { APPENDING } from './append.js'
import { ALWAYS, WHOLE } from './flags.js'
import { LOG } from './log.js'
import { REWRITING } from './rewriting.js'

export const REWRITE = `${ALWAYS}${LOG}
local key, feed_key, set, gone = KEYS[1], KEYS[2], {}, {}
${REWRITING}
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return 1 end
local has_moved = rewrite(log, 1, set, gone)
if #set > 0 then redis.call('HSET', key, 'h', state_of(log), unpack(set)) end
drop(log, gone)
return has_moved and 0 or 1
`

/** Appends an entry only if it rewrites another. Returns 0 if some have another text by now, and then writes nothing. */
export const REWRITE_AND_APPEND = `${WHOLE}${APPENDING}${REWRITING}
local log, set, gone = load(key, redis.call('HGET', key, 'h')), {}, {}
if not log then return 1 end
if rewrite(log, 14, set, gone) then return 0 end
if #set > 0 then append(log, now(), '', set, gone) end
return 1
`

/** The amendments of one message from the newest on, some at a time. */
export const EDITS = `${LOG}
local key, at, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local log, found = load(key, redis.call('HGET', key, 'h')), {}
while log and at and tonumber(at) >= log.oldest and #found < 2 * most do
  local raw, previous = unpack(redis.call('HMGET', key, at, 'e' .. at))
  if not raw then break end
  found[#found + 1] = at
  found[#found + 1] = raw
  at = previous
end
return { at or '', found }
`

/** Finds entries that contain some words, among the next few after an offset. */
export const FIND = `${LOG}
local key, words, after, limit, time = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return { ARGV[2], 0, '0' } end
local first = math.max(after + 1, log.oldest)
local last = math.min(first + limit - 1, log.offset)
local found, fields = { text(math.max(after, last)), last < log.offset and 1 or 0, text(log.offset) }, {}
for offset = first, last do fields[#fields + 1] = text(offset) end
for i, raw in ipairs(#fields > 0 and redis.call('HMGET', key, unpack(fields)) or {}) do
  local one = raw and entry(raw)
  if one and one.at <= time and string.find(raw, words, one.start, true) then
    found[#found + 1] = fields[i]
    found[#found + 1] = raw
  end
end
return found
`

/** Prunes the records of one user among the next few, whatever their age. Returns the number to go on from, if any. */
export const FORGET = `${ALWAYS}${LOG}
local key, mark, from, limit, time = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return '' end
local first = math.max(from, log.first)
local last, gone = math.min(first + limit, log.next) - 1, {}
for number = first, last do
  local field = 'q' .. text(number)
  local record = redis.call('HGET', key, field) or ''
  local digest, at, offset, of = string.match(record, '^(.-)\\n(%d+)\\n(%d+)\\n(.*)$')
  if of == mark and tonumber(at) <= time then
    gone[#gone + 1], gone[#gone + 2] = field, 'd' .. digest
    log.forgotten = math.max(log.forgotten, tonumber(offset))
  end
end
if #gone > 0 then redis.call('HSET', key, 'h', state_of(log)) end
drop(log, gone)
return last + 1 < log.next and text(last + 1) or ''
`
