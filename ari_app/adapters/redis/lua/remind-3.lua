--[[ A new round of a notice, once for each who asks.

  KEYS  1 notice, a hash, 2 recipients, 3 events
  ARGV  1 the field that stands for who asks, 2 now_ms, 3 rounds at most, 4 an event

  Gives the number of the round; -1: there were as many as may be. What was kept for a time only is kept for good again.
]]
local round = redis.call('HGET', KEYS[1], ARGV[1])
if round then return tonumber(round) end
round = tonumber(redis.call('HGET', KEYS[1], 'round') or 0)
if round >= tonumber(ARGV[3]) then return -1 end
redis.call('HSET', KEYS[1], 'round', round + 1, 'round_at', ARGV[2], ARGV[1], round + 1)
redis.call('RPUSH', KEYS[3], ARGV[4])
for i = 1, 3 do redis.call('PERSIST', KEYS[i]) end
return round + 1
