--[[ Take the lease of a node, with a number higher than any before.

  KEYS  1 lease, stored as "number owner"; 2 the last lease, also when it is over, as "number previous owner",
        where `previous` is the number of the last lease that another owner had
  ARGV  1 owner, 2 ttl_ms, 3 the stored lease of an owner known to be dead, or ""

  Gives {1, number, previous}; or {0, stored lease, ms it has still to live} if somebody else has it.
  The number is at least the server's time in ms: it grows even if the last second of the store was lost.
]]
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[3] and string.match(held, '^%d+ (.*)$') ~= ARGV[1] then
  return {0, held, redis.call('PTTL', KEYS[1])}
end
local last, previous, owner = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) ?(%d*) ?(.*)$')
last = tonumber(last or 0)
previous = owner == ARGV[1] and tonumber(previous) or last
local time = redis.call('TIME')
local number = math.max(time[1] * 1000 + math.floor(time[2] / 1000), last + 1)
redis.call('SET', KEYS[1], number .. ' ' .. ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], number .. ' ' .. previous .. ' ' .. ARGV[1])
return {1, number, previous}
