--[[ A PIN leads to a call, until it runs out.

  KEYS  1 the PIN
  ARGV  1 call   2 how long, in ms

  Gives 1, also where it led there before; 0 where it is another call's.
]]
local there = redis.call('HGET', KEYS[1], 'call')
if there then return there == ARGV[1] and 1 or 0 end
redis.call('HSET', KEYS[1], 'call', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
