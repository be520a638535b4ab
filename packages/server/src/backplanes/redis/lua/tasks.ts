/** Tasks of all nodes, by the time (of Redis) at which they are due. One that was taken is marked `!`. */
const TASKS = `
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function note(task, time)
  redis.call('ZADD', KEYS[1], string.format('%.0f', time), task)
end
`

export const SCHEDULE = `${TASKS}
note(ARGV[1], now() + tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

export const PUT_OFF = `${TASKS}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
note(ARGV[1], now() + tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
`

export const TAKE_DUE = `${TASKS}
local time = now()
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', time), 'LIMIT', 0, ARGV[1])
for i, task in ipairs(due) do
  redis.call('ZREM', KEYS[1], task)
  if string.sub(task, 1, 1) == '!' then due[i] = string.sub(task, 2) end
  note('!' .. due[i], time + tonumber(ARGV[2]))
end
return due
`
