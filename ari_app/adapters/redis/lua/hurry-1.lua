--[[ All lanes of a webhook that wait for their time are due.

  KEYS  1 lanes: source -> when due
  ARGV  1 now_ms

  Gives how many.
]]
local late = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf')
for _, source in ipairs(late) do redis.call('ZADD', KEYS[1], ARGV[1], source) end
return #late
