--[[ A webhook goes.

  KEYS  1 all: id -> record, 2 how many each tenant has, 3 revision
  ARGV  1 id, 2 tenant

  Gives its record, or nil where there was none.
]]
local there = redis.call('HGET', KEYS[1], ARGV[1])
if not there then return nil end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], ARGV[2], -1)
redis.call('INCR', KEYS[3])
return there
