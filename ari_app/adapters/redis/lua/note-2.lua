--[[ Note legs, each once, and add what they come to to the sums of their day.

  KEYS  1 legs: leg -> line, 2 sums: name -> number
  ARGV  1 for how many seconds both are kept; then of each leg: 2 leg, 3 line, 4 how many sums, 5... name and number of
        each of these

  Gives how many of the legs were new. One that is there already stands as it is.
]]
local new, at = 0, 2
while at < #ARGV do
  local after = at + 3 + 2 * tonumber(ARGV[at + 2])
  if redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1]) == 1 then
    new = new + 1
    for one = at + 3, after - 1, 2 do redis.call('HINCRBY', KEYS[2], ARGV[one], ARGV[one + 1]) end
  end
  at = after
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
return new
