import { ALWAYS } from './flags.js'
import { TIME } from './time.js'

/** Stands for a restriction that does not end by itself, in ms since 1970. */
const FOREVER = '8640000000000000'

/**
 * What is kept of a user in a stream is one string: until when they are muted, and until when banned. Redis removes it
 * when both have ended.
 */
const RESTRICTED = `
local function restricted(key)
  local muted, banned = string.match(redis.call('GET', key) or '0 0', '^(%d+) (%d+)$')
  return tonumber(muted), tonumber(banned)
end

-- Empty if it does not end by itself.
local function left(ends, time)
  return ends >= ${FOREVER} and '' or text(ends - time)
end
`

/** Replaces a restriction: the time is empty for one without an end, and 0 to lift it. */
export const RESTRICT = `${ALWAYS}${TIME}${RESTRICTED}
local key, kind, ms, time = KEYS[1], ARGV[1], ARGV[2], now()
local muted, banned = restricted(key)
local ends = ms == '' and ${FOREVER} or ms == '0' and 0 or time + ms
if kind == 'mute' then muted = ends else banned = ends end
local last = math.max(muted, banned)
if last <= time then
  redis.call('DEL', key)
else
  redis.call('SET', key, text(muted) .. ' ' .. text(banned))
  if last < ${FOREVER} then redis.call('PEXPIRE', key, text(last - time)) end
end
`

/** For how much longer a user is banned; nothing if not. */
export const BANNED = `${TIME}${RESTRICTED}
local time = now()
local _, banned = restricted(KEYS[1])
return banned > time and { left(banned, time) } or {}
`

/** For the script of an append: why the restrictions of its writer forbid it. */
export const RESTRAINT = `${RESTRICTED}
local function restraint(key, kinds, time)
  local muted, banned = restricted(key)
  if banned > time then return { 'banned', left(banned, time) } end
  if kinds == 'all' and muted > time then return { 'muted', left(muted, time) } end
end
`
