--[[ A key is there from now on, unless its tenant has as many as it may have.

  KEYS  1 hash: digest → key   2 set: the digests of its tenant
  ARGV  1 digest   2 key   3 most of one tenant; '': no limit

  Gives 1, also where this one was there already; 0 where it would be one too many.
]]
local most = tonumber(ARGV[3])
if most and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('SCARD', KEYS[2]) >= most then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
