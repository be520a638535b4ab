/**
 * Adds entries with other texts to `set`, which the caller writes in one step, alone or with an append. The arguments
 * from `start` on are the offset, id and text of each, and the digest of the text that it has: an entry that is gone is
 * left out, and so is one with yet another text. Returns whether there was such a one. `feed_key` is that of the feed of
 * all logs, if there is one.
 */
export const REWRITING = `
local function put_in_feed(log, offset, id, open)
  local place = feed_key and redis.call('HGET', log.key, 'c' .. offset)
  local raw = place and redis.call('HGET', feed_key, place)
  local one = raw and entry(raw)
  if not one or one.id ~= id then return end
  local feed = load(feed_key, redis.call('HGET', feed_key, 'h'))
  local line = string.match(raw, '^.*\\n') .. open
  feed.bytes = math.max(0, feed.bytes + #line - #raw)
  redis.call('HSET', feed_key, 'h', state_of(feed), place, line)
end

local function put(log, offset, raw, one, open, set)
  local rewritten = string.sub(raw, 1, one.start - 1) .. open
  set[#set + 1] = offset
  set[#set + 1] = rewritten
  log.seen[offset] = rewritten
  log.bytes = log.bytes + #rewritten - #raw
  put_in_feed(log, offset, one.id, open)
end

local function is_tombstone(open)
  return string.find(open, '{"type":"chat_message","message":"",', 1, true) == 1 and cjson.decode(open .. '}').deleted == true
end

local function rewrite(log, start, set, gone)
  local has_moved = false
  for i = start, #ARGV, 4 do
    local offset, id, open, read = unpack(ARGV, i, i + 3)
    local raw = tonumber(offset) >= log.oldest and redis.call('HGET', log.key, offset)
    local one = raw and entry(raw)
    if one and one.id == id then
      if redis.sha1hex(string.sub(raw, one.start)) == read then
        put(log, offset, raw, one, open, set)
        if is_tombstone(open) then drop_reactions(log, gone, offset, raw, one) end
      else has_moved = true end
    end
  end
  return has_moved
end
`
