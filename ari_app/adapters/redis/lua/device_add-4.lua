--[[ Give a user one more device, unless one of this id is there, or was not long ago, or he has as many as he may.

  KEYS  1 all devices: id -> record, 2 ids of this user's, 3 revision of all, 4 mark: this id was removed
  ARGV  1 id, 2 record, 3 how many he may have

  Gives the record that is there now, new or not; 0: he has as many as he may; -1: this id was removed.
]]
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there then return there end
if redis.call('EXISTS', KEYS[4]) == 1 then return -1 end
if redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SADD', KEYS[2], ARGV[1])
redis.call('INCR', KEYS[3])
return ARGV[2]
