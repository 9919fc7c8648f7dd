-- Of one webhook: KEYS[1] lanes: source -> when due; KEYS[2] queue: "source number mark rest", in the order of the
-- alphabet; KEYS[3] heads: source -> since when the first one waits; KEYS[4] tries: source -> how often in vain.
local function first(source)
  return redis.call('ZRANGEBYLEX', KEYS[2], '[' .. source .. ' ', '(' .. source .. '!', 'LIMIT', 0, 1)[1]
end

-- The head has changed: what is known of it. Due then; nothing where none waits any more.
local function turn(source, due)
  redis.call('HDEL', KEYS[4], source)
  local head = first(source)
  if not head then
    redis.call('ZREM', KEYS[1], source)
    redis.call('ZREM', KEYS[3], source)
    return
  end
  redis.call('ZADD', KEYS[1], due, source)
  redis.call('ZADD', KEYS[3], string.match(head, '^%S+ %S+ %S+ (%d+) '), source)
end

-- 1 if it was put, 0 if it waits there already. An entry is found as a source's are: by what it begins with.
local function put(source, name, rest, now)
  if first(name) then return 0 end
  local before = first(source)
  redis.call('ZADD', KEYS[2], 0, name .. ' ' .. rest)
  if not before then
    turn(source, now)
  elseif name < before then
    turn(source, redis.call('ZSCORE', KEYS[1], source))
  end
  return 1
end
