--[[ Take an order off a node's list, if the node is still ours.

  KEYS  1 lease, 2 orders (a stream)
  ARGV  1 the lease as stored: "number owner"; 2 id of the order

  Gives 1, or 0 if the lease is another's by now: the order stays for him.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('XDEL', KEYS[2], ARGV[2])
return 1
