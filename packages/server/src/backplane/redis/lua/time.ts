/**
 * Formats numbers in full, because Redis would write large ones as 1e+15, and small ones in the way that costs less; and
 * reads Redis' time, in ms.
 */
export const TIME = `
local function text(number)
  return number < 1e14 and number .. '' or string.format('%.0f', number)
end

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`
