--[[ Some of the sources that were hinted at; they are under way from now on.

  KEYS  1 hinted at (a set), 2 under way (a set)
  ARGV  1 how many at most

  Gives them.
]]
local taken = redis.call('SPOP', KEYS[1], ARGV[1])
if #taken > 0 then redis.call('SADD', KEYS[2], unpack(taken)) end
return taken
