--[[ A line of a trunk for a channel that is about to be dialled, and lines for others of its call.

  KEYS  1 lines: channel → last seen; 2 begun: channel → start, both in ms of the server's clock
  ARGV  1 max_channels, 2 max_cps (of each: 0 is no limit), 3 stale_ms, 4 window_ms, 5 flight_ms, 6 the channel,
        7... further ones

  Gives {} if the channel has its line now, also if it had it before; {"channels"} or {"cps", ms until another may
  begin} if not: nothing was taken. One that was given its line and not yet told of as begun may begin any moment: it
  is kept as one of the future, and counts.
]]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local channels, cps = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3])
local seen = {}
for i = 6, #ARGV do
  if not redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    seen[#seen + 1] = now
    seen[#seen + 1] = ARGV[i]
  end
end
if channels > 0 and redis.call('ZCARD', KEYS[1]) + #seen / 2 > channels then return {'channels'} end
if cps > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[4])
  if not redis.call('ZSCORE', KEYS[2], ARGV[6]) then
    local begun = redis.call('ZCARD', KEYS[2])
    if begun >= cps then
      local first = redis.call('ZRANGE', KEYS[2], begun - cps, begun - cps, 'WITHSCORES')
      return {'cps', math.max(1, math.min(tonumber(first[2]), now) + ARGV[4] - now)}
    end
    redis.call('ZADD', KEYS[2], now + ARGV[5] - ARGV[4], ARGV[6])
    redis.call('PEXPIRE', KEYS[2], ARGV[5] + ARGV[4])
  end
end
if #seen > 0 then redis.call('ZADD', KEYS[1], unpack(seen)) end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {}
