--[[ Whom to look at now, of all recipients of all notices; nobody else is given the same meanwhile.

  KEYS  1 due: "<notice>/<number>" → when, 2 under way: the same → when to look again
  ARGV  1 now_ms, 2 under way at most, 3 so many at once, 4 look_ms

  Gives first those under way who were not looked at for that long, then those whose time has come.
]]
local now, at_once = ARGV[1], tonumber(ARGV[3])
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, at_once)
local room = math.min(ARGV[2] - redis.call('ZCARD', KEYS[2]), at_once - #found)
if room > 0 then
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, room)) do
    redis.call('ZREM', KEYS[1], one)
    found[#found + 1] = one
  end
end
for _, one in ipairs(found) do
  redis.call('ZADD', KEYS[2], now + ARGV[4], one)
end
return found
