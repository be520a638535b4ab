import { ALWAYS } from './flags.js'
import { TIME } from './time.js'

/**
 * The hash of a stream's presence holds `version` and, under `u:<user id>`, each user: profile, state, connections
 * with their leases, and, for a user without connections, the time until which they may return. A new hash starts its
 * version from the current time, so that versions keep rising even after the previous hash is forgotten.
 */
const PRESENCE = `${TIME}
local function get(key, user)
  local record = redis.call('HGET', key, 'u:' .. user)
  return record and cjson.decode(record)
end

local function set(key, user, record)
  redis.call('HSET', key, 'u:' .. user, cjson.encode(record))
end

local function count(key)
  return math.max(0, redis.call('HLEN', key) - 1)
end

local function announce(key, channel, event, record, connection, seen)
  local version = math.max(tonumber(redis.call('HGET', key, 'version')) or now(), tonumber(seen)) + 1
  redis.call('HSET', key, 'version', text(version))
  local parts = { 'presence', event, text(version), count(key), connection, record.user, record.state }
  redis.call('SPUBLISH', channel, table.concat(parts, '\\n'))
end

local function remove(key, channel, user, record, connection, seen)
  redis.call('HDEL', key, 'u:' .. user)
  announce(key, channel, 'leave', record, connection, seen)
  if count(key) == 0 then redis.call('DEL', key) end
end

local function snapshot(key, listed)
  local total, users = count(key), {}
  local version = redis.call('HGET', key, 'version') or '0'
  if total > tonumber(listed) then return { version, total } end
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if fields[i] ~= 'version' then
      local record = cjson.decode(fields[i + 1])
      users[#users + 1] = record.user
      users[#users + 1] = record.state
    end
  end
  return { version, total, users }
end
`

export const ENTER = `${PRESENCE}
local key, user, profile, state = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local connection, lease, seen, channel, ttl, listed, has_profile = unpack(ARGV, 4, 10)
local known = get(key, user)
local record = known or { user = profile, state = state, at = {} }
local is_renamed = known and has_profile == '1' and known.user ~= profile
if is_renamed then record.user = profile end
record.at[connection] = lease
record.grace = nil
set(key, user, record)
if not known then
  if redis.call('HEXISTS', key, 'version') == 0 then redis.call('HSET', key, 'version', text(now())) end
  announce(key, channel, 'enter', record, connection, seen)
end
if is_renamed then announce(key, channel, 'update', record, '', seen) end
redis.call('PEXPIRE', key, ttl)
return { known and 0 or 1, snapshot(key, listed) }
`

export const UPDATE = `${PRESENCE}
local key, user, state, seen, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local record = get(key, user)
if not record then return 0 end
record.state = state
set(key, user, record)
announce(key, channel, 'update', record, '', seen)
return 1
`

export const LEAVE = `${ALWAYS}${PRESENCE}
local key, user, connection, lease = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local grace, seen, channel = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local record = get(key, user)
local held = record and record.at[connection]
if not held or (lease ~= '' and held ~= lease) then return {} end
record.at[connection] = nil
if next(record.at) then
  set(key, user, record)
elseif grace > 0 then
  record.grace = now() + grace
  set(key, user, record)
else
  remove(key, channel, user, record, connection, seen)
  return { count(key) }
end
return {}
`

export const END_GRACE = `${PRESENCE}
local key, user, seen, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local record = get(key, user)
if not record or not record.grace then return { 0 } end
local left = record.grace - now()
if left > 0 then return { left } end
remove(key, channel, user, record, '', seen)
return { 0, count(key) }
`

export const PRESENT = `${PRESENCE}
return snapshot(KEYS[1], ARGV[1])
`

/** Also keeps it from expiring, for somebody follows it. */
export const VERSION = `
local left, idle = redis.call('PTTL', KEYS[1]), tonumber(ARGV[1])
if left >= 0 and left < idle / 2 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return redis.call('HGET', KEYS[1], 'version') or '0'
`
