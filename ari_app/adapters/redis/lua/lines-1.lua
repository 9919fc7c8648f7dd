--[[ How many channels of a trunk were seen lately.

  KEYS  1 lines: channel → last seen, in ms of the server's clock
  ARGV  1 stale_ms

  Gives the number.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZCOUNT', KEYS[1], '(' .. now - ARGV[1], '+inf')
