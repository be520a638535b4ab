import { ENTRY_OVERHEAD } from '../../log/log.js'
import { APPENDING } from './append.js'
import { ALWAYS, WHOLE } from './flags.js'
import { LOG } from './log.js'

/**
 * Adds entries with other texts to `set`, which the caller writes in one step, alone or with an append. The arguments
 * from `start` on are the offset, id and text of each; an entry that is gone, or has that text, is left out.
 */
const REWRITING = `
local function rewrite(log, start, set)
  for i = start, #ARGV, 3 do
    local raw = tonumber(ARGV[i]) >= log.oldest and redis.call('HGET', log.key, ARGV[i])
    local one = raw and entry(raw)
    if one and one.id == ARGV[i + 1] and string.sub(raw, one.start) ~= ARGV[i + 2] then
      local rewritten = string.sub(raw, 1, one.start - 1) .. ARGV[i + 2]
      set[#set + 1] = ARGV[i]
      set[#set + 1] = rewritten
      log.seen[ARGV[i]] = rewritten
      log.bytes = log.bytes + #ARGV[i + 2] + ${ENTRY_OVERHEAD} - one.size
    end
  end
end
`

export const REWRITE = `${ALWAYS}${LOG}${REWRITING}
local key, set = KEYS[1], {}
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return 0 end
rewrite(log, 1, set)
if #set > 0 then redis.call('HSET', key, 'h', state_of(log), unpack(set)) end
return #set / 2
`

/** Appends an entry only if it rewrites another. */
export const REWRITE_AND_APPEND = `${WHOLE}${APPENDING}${REWRITING}
local log, set = load(key, redis.call('HGET', key, 'h')), {}
if not log then return 0 end
rewrite(log, 14, set)
local rewritten = #set / 2
if rewritten > 0 then append(log, now(), '', set, {}) end
return rewritten
`

/** Finds entries that contain some words, among the next few after an offset. */
export const FIND = `${LOG}
local key, words, after, limit, time = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return { ARGV[2], 0 } end
local first = math.max(after + 1, log.oldest)
local last = math.min(first + limit - 1, log.offset)
local found, fields = { text(math.max(after, last)), last < log.offset and 1 or 0 }, {}
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
