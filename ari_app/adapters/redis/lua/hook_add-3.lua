--[[ A new webhook, if its tenant may have one more.

  KEYS  1 all: id -> record, 2 how many each tenant has, 3 revision
  ARGV  1 id, 2 record, 3 tenant, 4 at most

  Gives 1, also where it is there already, and stays as it is; 0: he has as many as may be.
]]
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
if tonumber(redis.call('HGET', KEYS[2], ARGV[3]) or 0) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], ARGV[3], 1)
redis.call('INCR', KEYS[3])
return 1
