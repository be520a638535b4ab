import { ALWAYS } from './flags.js'
import { LOG } from './log.js'

/** Removes what is too old from a log that nobody may ever use again. Returns 1 if there is more. */
export const TIDY = `${ALWAYS}${LOG}
local key, gone, most = KEYS[1], {}, tonumber(ARGV[5])
local bounds = { count = tonumber(ARGV[1]), bytes = tonumber(ARGV[2]), age = tonumber(ARGV[3]) }
local log, time = load(key, redis.call('HGET', key, 'h')), now()
if not log then return 0 end
trim(log, bounds, time, gone)
local first = log.first
prune(log, tonumber(ARGV[4]), most, time, gone)
if #gone == 0 then return 0 end
redis.call('HSET', key, 'h', state_of(log))
drop(log, gone)
return log.first - first == most and 1 or 0
`

/** Begins an empty log under another epoch, unless it is empty. Returns the epoch; nothing if there is no log. */
export const END = `${ALWAYS}${LOG}
local key, epoch, ttl, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local log = load(key, redis.call('HGET', key, 'h'))
if not log then return '' end
if log.offset == 0 then return log.epoch end
redis.call('UNLINK', key)
redis.call('HSET', key, 'h', state_of(new_log(key, epoch)))
redis.call('PEXPIRE', key, ttl)
tell_changed(channel)
redis.call('SPUBLISH', channel, 'ended\\n' .. epoch)
return epoch
`
