--[[ News of the feed into the lanes of a webhook, and its place moved on.

  KEYS  1 lanes, 2 queue, 3 heads, 4 tries (see lane_put.inc.lua), 5 place, 6 given up: id -> attempt, 7 the ids of
        those by time
  ARGV  1 the place it must have, 2 the one it gets, 3 now_ms, 4 so many may wait, and as many are kept that were given
        up, then of each: source, name in the queue, what follows there, id, the attempt by which it is given up where
        too many wait

  Gives 1; 0: its place is another one, or it is gone.
]]
--@include lane_put
if redis.call('GET', KEYS[5]) ~= ARGV[1] then return 0 end
local room = ARGV[4] - redis.call('ZCARD', KEYS[2])
for i = 5, #ARGV, 5 do
  if room > 0 then
    room = room - put(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[3])
  else
    redis.call('HSET', KEYS[6], ARGV[i + 3], ARGV[i + 4])
    redis.call('ZADD', KEYS[7], ARGV[3], ARGV[i + 3])
  end
end
local over = redis.call('ZCARD', KEYS[7]) - ARGV[4]
if over > 0 then
  local old = redis.call('ZRANGE', KEYS[7], 0, math.min(over, 1000) - 1)
  redis.call('HDEL', KEYS[6], unpack(old))
  redis.call('ZREM', KEYS[7], unpack(old))
end
redis.call('SET', KEYS[5], ARGV[2])
return 1
