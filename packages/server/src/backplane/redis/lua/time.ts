/** Formats numbers in full, because Redis would write large ones as 1e+15; and reads Redis' time, in ms. */
export const TIME = `
local function text(number)
  return string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`
