--[[ What came of a request: its event leaves the queue, or is tried again.

  KEYS  1 lanes, 2 queue, 3 heads, 4 tries (see lane_put.inc.lua), 5 the list of attempts (a stream), 6 given up:
        id -> attempt, 7 the ids of those by time
  ARGV  1 source, 2 name in the queue, 3 outcome, 4 now_ms, 5 when it is tried again, 6 which try it was, 7 its id,
        8 the attempt, 9 attempts that are kept, 10 given up before that: not kept, 11 given up that are kept

  Gives 1; 2: and nothing more waits in its lane; 0: it does not wait (any more), or this was said before.
]]
--@include lane_put
local there = first(ARGV[2])
if not there then return 0 end
if ARGV[3] == 'failed' then
  if redis.call('HGET', KEYS[4], ARGV[1]) == ARGV[6] then return 0 end
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[6])
  redis.call('ZADD', KEYS[1], ARGV[5], ARGV[1])
else
  redis.call('ZREM', KEYS[2], there)
  turn(ARGV[1], ARGV[4])
end
redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[9], '*', 'a', ARGV[8])
if ARGV[3] == 'dead' then
  redis.call('HSET', KEYS[6], ARGV[7], ARGV[8])
  redis.call('ZADD', KEYS[7], ARGV[4], ARGV[7])
  local old = redis.call('ZRANGEBYSCORE', KEYS[7], '-inf', ARGV[10], 'LIMIT', 0, 100)
  local over = redis.call('ZCARD', KEYS[7]) - ARGV[11]
  if over > #old then old = redis.call('ZRANGE', KEYS[7], 0, math.min(over, 100) - 1) end
  if #old > 0 then
    redis.call('HDEL', KEYS[6], unpack(old))
    redis.call('ZREM', KEYS[7], unpack(old))
  end
end
return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 2
