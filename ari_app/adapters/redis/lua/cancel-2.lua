--[[ Nobody more is rung for a notice.

  KEYS  1 notice, a hash, 2 events
  ARGV  1 now_ms, 2 an event

  Gives 1; 0 if it was cancelled before, or there is none.
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if redis.call('HSETNX', KEYS[1], 'cancelled', ARGV[1]) == 0 then return 0 end
redis.call('RPUSH', KEYS[2], ARGV[2])
return 1
