import { ALWAYS } from './flags.js'
import { TIME } from './time.js'

/** Stands for a restriction that does not end by itself, in ms since 1970. */
const FOREVER = '8640000000000000'

/** How many users a restriction looks at, to remove those whose own have ended. */
const LOOKED_AT = 20

/** How many users a page of a list has, about. */
const LISTED = 1_000

/**
 * What is kept of a user in a stream is one field: until when they are muted, and until when banned. Redis removes the
 * hash when all have ended.
 */
const RESTRICTED = `
local function times(value)
  local muted, banned = string.match(value or '0 0', '^(%d+) (%d+)$')
  return tonumber(muted), tonumber(banned)
end

local function restricted(key, user)
  return times(redis.call('HGET', key, user))
end

-- Empty if it does not end by itself.
local function left(ends, time)
  return ends >= ${FOREVER} and '' or text(ends - time)
end
`

/**
 * Replaces a restriction: the time is empty for one without an end, and 0 to lift it. Looks at some others too, so that
 * those that have ended do not pile up where somebody is restricted for ever. If it has looked at all, it knows when the
 * last one ends.
 */
export const RESTRICT = `${ALWAYS}${TIME}${RESTRICTED}
local key, kind, ms, user, time = KEYS[1], ARGV[1], ARGV[2], ARGV[3], now()
local muted, banned = restricted(key, user)
local ends = ms == '' and ${FOREVER} or ms == '0' and 0 or time + ms
if kind == 'mute' then muted = ends else banned = ends end
local last = math.max(muted, banned)
if last > time then redis.call('HSET', key, user, text(muted) .. ' ' .. text(banned))
else redis.call('HDEL', key, user) end

local seen = redis.call('HRANDFIELD', key, ${LOOKED_AT}, 'WITHVALUES')
local knows_all = #seen < 2 * ${LOOKED_AT}
for at = 1, #seen, 2 do
  local one = math.max(times(seen[at + 1]))
  if one <= time then redis.call('HDEL', key, seen[at]) end
  last = math.max(last, one)
end
if last >= ${FOREVER} then redis.call('PERSIST', key)
elseif knows_all then redis.call('PEXPIRE', key, text(last - time))
else redis.call('PEXPIRE', key, text(last - time), 'GT') end
`

/** For how much longer a user is banned; nothing if not. */
export const BANNED = `${TIME}${RESTRICTED}
local time = now()
local _, banned = restricted(KEYS[1], ARGV[1])
return banned > time and { left(banned, time) } or {}
`

/** A page of those who are restricted: the next cursor, then of each user the id and the two times, 0 if there is none. */
export const RESTRICTED_USERS = `${TIME}${RESTRICTED}
local time = now()
local cursor, fields = unpack(redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', ${LISTED}))
local reply = { cursor }
local function told(ends) return ends > time and left(ends, time) or '0' end
for at = 1, #fields, 2 do
  local muted, banned = times(fields[at + 1])
  if math.max(muted, banned) > time then
    reply[#reply + 1] = fields[at]
    reply[#reply + 1] = told(muted)
    reply[#reply + 1] = told(banned)
  end
end
return reply
`

/** For the script of an append: why the restrictions of its writer forbid it. */
export const RESTRAINT = `${RESTRICTED}
local function restraint(key, kinds, user, time)
  local muted, banned = restricted(key, user)
  if banned > time then return { 'banned', left(banned, time) } end
  if kinds == 'all' and muted > time then return { 'muted', left(muted, time) } end
end
`
