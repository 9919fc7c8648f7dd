--[[ A key is gone, with what is noted of its use.

  KEYS  1 hash: digest → key   2 set: the digests of its tenant   3 hash: id of a key → when it was used
  ARGV  1 digest   2 id

  Gives 1; 0 where there was none.
]]
redis.call('SREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[2])
return redis.call('HDEL', KEYS[1], ARGV[1])
