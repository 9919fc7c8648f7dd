--[[ Take the lease of a node, with a number higher than any before.

  KEYS  1 lease, stored as "number owner"; 2 the last number
  ARGV  1 owner, 2 ttl_ms, 3 the stored lease of an owner known to be dead, or ""

  Gives {1, number}; or {0, stored lease, ms it has still to live} if somebody else has it.
  The number is at least the server's time in ms: it grows even if the last second of the store was lost.
]]
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[3] and string.match(held, '^%d+ (.*)$') ~= ARGV[1] then
  return {0, held, redis.call('PTTL', KEYS[1])}
end
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local number = math.max(now_ms, tonumber(redis.call('GET', KEYS[2]) or 0) + 1)
redis.call('SET', KEYS[1], number .. ' ' .. ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], number)
return {1, number}
