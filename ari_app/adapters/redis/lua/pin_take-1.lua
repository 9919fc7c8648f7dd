--[[ A PIN was keyed: it is taken, once for all.

  KEYS  1 the PIN
  ARGV  1 by: who takes it

  Gives the call that it leads to, to the same taker as often as he asks; nothing where there is none, or it was
  taken by another.
]]
local call = redis.call('HGET', KEYS[1], 'call')
if not call then return false end
redis.call('HSETNX', KEYS[1], 'by', ARGV[1])
if redis.call('HGET', KEYS[1], 'by') ~= ARGV[1] then return false end
return call
