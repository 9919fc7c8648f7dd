--[[ A channel that was given a line has been dialled: its start counts from now on.

  KEYS  1 begun: channel → start, in ms of the server's clock
  ARGV  1 the channel

  Gives nothing. One that is not there (no longer) is not put back.
]]
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], 'XX', time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
