--[[ A code was right, and is good no more.

  KEYS  1 code: of one user and number
  ARGV  1 call: whose code it was

  Gives 1; 0 where another call's code stands there, or none.
]]
if redis.call('HGET', KEYS[1], 'call') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'spent', 1)
return 1
