import { ALWAYS } from './flags.js'
import { TIME } from './time.js'

/** A consumer is a hash: who has it until when, by the time of Redis, and its cursor. */
export const CLAIM = `${ALWAYS}${TIME}
local held = redis.call('HMGET', KEYS[1], 'owner', 'until', 'cursor')
local time = now()
if held[1] and held[1] ~= ARGV[1] and tonumber(held[2]) > time then return {} end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', text(time + tonumber(ARGV[2])))
return { held[3] or '' }
`

export const COMMIT = `${ALWAYS}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'cursor', ARGV[2])
return 1
`

export const RELEASE = `${ALWAYS}
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('HDEL', KEYS[1], 'owner', 'until')
`
