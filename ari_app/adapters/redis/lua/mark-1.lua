--[[ Count a call among those of a pair or a number, unless as many were counted lately as may be.

  KEYS  1 marks: call -> its time (ms)
  ARGV  1 call, 2 at_ms, 3 keep_ms: how long marks are kept, 4... most, window_ms of each limit

  Gives {0} where it is counted (or was before); {n, again_ms} where the n-th limit is reached, of several the one that
  lasts longest: nothing was written.
]]
local call, at, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if redis.call('ZSCORE', KEYS[1], call) then return {0} end
local hit, longest = 0, 0
for i = 4, #ARGV, 2 do
  local nth = redis.call('ZREVRANGE', KEYS[1], ARGV[i] - 1, ARGV[i] - 1, 'WITHSCORES')
  local again = nth[2] and tonumber(nth[2]) + ARGV[i + 1] - at or 0
  if again > longest then hit, longest = i / 2 - 1, again end
end
if hit > 0 then return {hit, longest} end
redis.call('ZADD', KEYS[1], at, call)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', at - keep)
redis.call('PEXPIRE', KEYS[1], keep)
return {0}
