--[[ Channels of a trunk live: each has its line, whether it was known or not.

  KEYS  1 lines: channel → last seen, in ms of the server's clock
  ARGV  1 stale_ms, 2... channels

  Gives nothing.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
