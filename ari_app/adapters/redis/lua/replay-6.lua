--[[ Events into the lanes of a webhook once more.

  KEYS  1 lanes, 2 queue, 3 heads, 4 tries (see lane_put.inc.lua), 5 given up: id -> attempt, 6 the ids of those by time
  ARGV  1 now_ms, 2 so many may wait, then of each: source, name in the queue, what follows there, id

  Gives how many were put: not those that wait, nor those for which there is no room.
]]
--@include lane_put
local room, count = ARGV[2] - redis.call('ZCARD', KEYS[2]), 0
for i = 3, #ARGV, 4 do
  if room <= 0 then break end
  local done = put(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[1])
  room, count = room - done, count + done
  redis.call('HDEL', KEYS[5], ARGV[i + 3])
  redis.call('ZREM', KEYS[6], ARGV[i + 3])
end
return count
