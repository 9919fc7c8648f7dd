--[[ Forget a node that nobody owns and that has no live call.

  KEYS  1 lease, 2 live calls, 3 orders, 4 drained, 5 alive mark
  ARGV  none

  Gives 1, or 0 if it has an owner or live calls: nothing was changed. The last lease stays: its number must grow.
]]
if redis.call('EXISTS', KEYS[1]) == 1 or redis.call('SCARD', KEYS[2]) > 0 then return 0 end
redis.call('DEL', KEYS[3], KEYS[4], KEYS[5])
return 1
