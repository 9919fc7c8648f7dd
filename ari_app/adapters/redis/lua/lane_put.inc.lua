-- Of one webhook: `lanes` source -> when due, `queue` "source number mark rest" in the order of the alphabet, `heads`
-- source -> since when the first one waits, `tries` source -> how often that was tried in vain.
local function first(queue, source)
  return redis.call('ZRANGEBYLEX', queue, '[' .. source .. ' ', '(' .. source .. '!', 'LIMIT', 0, 1)[1]
end

-- The head has changed: what is known of it. Due then; nothing where none waits any more.
local function turn(lanes, queue, heads, tries, source, due)
  redis.call('HDEL', tries, source)
  local head = first(queue, source)
  if not head then
    redis.call('ZREM', lanes, source)
    redis.call('ZREM', heads, source)
    return
  end
  redis.call('ZADD', lanes, due, source)
  redis.call('ZADD', heads, string.match(head, '^%S+ %S+ %S+ (%d+) '), source)
end

-- 1 if it was put, 0 if it waits there already.
local function put(lanes, queue, heads, tries, source, name, rest, now)
  local same = redis.call('ZRANGEBYLEX', queue, '[' .. name .. ' ', '(' .. name .. '!', 'LIMIT', 0, 1)
  if #same > 0 then return 0 end
  local before = first(queue, source)
  redis.call('ZADD', queue, 0, name .. ' ' .. rest)
  if not before then
    turn(lanes, queue, heads, tries, source, now)
  elseif name < before then
    turn(lanes, queue, heads, tries, source, redis.call('ZSCORE', lanes, source))
  end
  return 1
end
