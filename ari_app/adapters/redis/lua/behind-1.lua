--[[ A page of a list of calls, from behind one of them on. By its rank: the last page costs what the first one does,
and so it does where very many share a millisecond.

  KEYS  1 the list (sorted set of calls by time)
  ARGV  1 call, 2 its time in ms, 3 how many

  Gives {call, time, call, time, ...}, newest first; false: the call is not there any more, or not at that time.
]]
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or tonumber(at) ~= tonumber(ARGV[2]) then
  return false
end
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
return redis.call('ZREVRANGE', KEYS[1], rank + 1, rank + tonumber(ARGV[3]), 'WITHSCORES')
