--[[ Lengthen a lease, or give it up, if it is still ours.

  KEYS  1 lease
  ARGV  1 the lease as stored: "number owner"; 2 ttl_ms, 0: give it up

  Gives 1, or 0 if it is not ours any more.
]]
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
else
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return 1
