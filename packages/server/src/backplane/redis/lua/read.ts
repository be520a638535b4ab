import { LOG } from './log.js'

/** How many entries are taken at a time: a page may be full long before its limit. */
const CHUNK = 32

/** Creates an empty log if there is none, so that a reader has a position to continue from. */
export const READ = `${LOG}
local key, epoch, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2])
local bounds = { count = tonumber(ARGV[3]), bytes = tonumber(ARGV[4]), age = tonumber(ARGV[5]) }
local is_forward, from = ARGV[6] == 'after', tonumber(ARGV[7])
local limit, space, asked, messages_only = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11] == '1'

local function open()
  local state = redis.call('HGET', key, 'h')
  local log = load_or_new(key, state, epoch)
  local gone = {}
  trim(log, bounds, now(), gone)
  -- First what frees memory: after it, a full Redis takes the rest.
  drop(log, gone)
  if not state or #gone > 0 then redis.call('HSET', key, 'h', state_of(log)) end
  if not state and ttl > 0 then redis.call('PEXPIRE', key, ttl) end
  return log
end

-- In the direction of reading, until the page is full. Nothing if there is a hole.
local function collect(log, first)
  local step, last = is_forward and 1 or -1, is_forward and log.offset or log.oldest
  local raws, left = {}, space
  for start = first, last, step * ${CHUNK} do
    local fields = {}
    for offset = start, start + step * (math.min(${CHUNK}, limit - #raws) - 1), step do
      if (last - offset) * step >= 0 then fields[#fields + 1] = text(offset) end
    end
    if #fields == 0 then break end
    for _, raw in ipairs(redis.call('HMGET', key, unpack(fields))) do
      if not raw then return nil end
      left = left - entry(raw).size
      if left < 0 and #raws > 0 then return raws end
      raws[#raws + 1] = raw
    end
  end
  return raws
end

-- The same, without amendments; and whether there are more messages.
local function collect_messages(log, first)
  local step, last = is_forward and 1 or -1, is_forward and log.offset or log.oldest
  local raws, offsets, left = {}, {}, space
  for start = first, last, step * ${CHUNK} do
    local fields = {}
    for offset = start, start + step * ${CHUNK - 1}, step do
      if (last - offset) * step >= 0 then fields[#fields + 1] = text(offset) end
    end
    for i, raw in ipairs(redis.call('HMGET', key, unpack(fields))) do
      if not raw then return nil end
      local one = entry(raw)
      if not is_amendment(raw, one) then
        left = left - one.size
        if #raws >= limit or (left < 0 and #raws > 0) then return raws, offsets, 1 end
        raws[#raws + 1], offsets[#offsets + 1] = raw, fields[i]
      end
    end
  end
  return raws, offsets, 0
end

-- The id at an offset, if all later entries are still in the log. Nothing if there is a hole.
local function id_at(log, offset)
  if not offset or offset < log.oldest - 1 or offset > log.offset then return false end
  if offset == log.offset then return log.id end
  local one = entry_at(log, math.max(offset, log.oldest))
  if not one then return nil end
  return offset < log.oldest and one.previous or one.id
end

local function page(log)
  local first = is_forward and math.max(from or 0, log.oldest) or math.min(from or log.offset, log.offset)
  local raws, offsets, more
  if messages_only then raws, offsets, more = collect_messages(log, first) else raws = collect(log, first) end
  local id = id_at(log, asked)
  if raws and id ~= nil then
    return { log.epoch, text(log.offset), log.id, text(log.oldest), id, text(first), raws, offsets, more }
  end
end

local log = open()
local found = page(log)
if found then return found end
mend(log)
return page(log)
`

/**
 * Also keeps the log from expiring, for somebody follows it. It is asked of every room again and again, so it begins with
 * what is enough for nearly all of them.
 */
export const HEAD = `
local state, idle = redis.call('HGET', KEYS[1], 'h'), tonumber(ARGV[1])
if not state then return '' end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < idle / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local newest, oldest = string.match(state, '^[^\\n]*\\n(%d+)\\n[^\\n]*\\n(%d+)\\n')
local is_empty = tonumber(oldest) > tonumber(newest)
if is_empty or redis.call('HEXISTS', KEYS[1], newest) == 1 then return state end
${LOG}
return state_of(load(KEYS[1], state))
`
