import { ALWAYS } from './flags.js'
import { TIME } from './time.js'

/** The tasks of all nodes, by the time at which they are due (Redis' clock). A task that was taken is marked `!`. */
const TASKS = `${TIME}
local function note(task, time)
  redis.call('ZADD', KEYS[1], text(time), task)
end
`

export const SCHEDULE = `${ALWAYS}${TASKS}
note(ARGV[1], now() + tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

export const PUT_OFF = `${ALWAYS}${TASKS}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
note(ARGV[1], now() + tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

export const TAKE_DUE = `${TASKS}
local time = now()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(time), 'LIMIT', 0, ARGV[1])
for i, task in ipairs(due) do
  redis.call('ZREM', KEYS[1], task)
  if string.sub(task, 1, 1) == '!' then due[i] = string.sub(task, 2) end
  note('!' .. due[i], time + tonumber(ARGV[2]))
end
return due
`
