--[[ Put another record in a device's place, or take it away, if it is still as it was read.

  KEYS  1 all devices: id -> record, 2 ids of this user's, 3 revision of all, 4 mark: this id was removed
  ARGV  1 id, 2 record as it was read, 3 its new record, or '' to remove it, 4 for how long (s) the mark stays

  Gives 1; 0 where the device was changed or removed meanwhile: nothing was done.
]]
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('SREM', KEYS[2], ARGV[1])
  redis.call('SET', KEYS[4], '', 'EX', ARGV[4])
else
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('INCR', KEYS[3])
return 1
