--[[ Another record of a webhook.

  KEYS  1 all: id -> record, 2 revision
  ARGV  1 id, 2 record, 3 what it must be now; "": whatever

  Gives 1; 0 where there is none, or it is another one.
]]
local there = redis.call('HGET', KEYS[1], ARGV[1])
if not there or (ARGV[3] ~= '' and there ~= ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('INCR', KEYS[2])
return 1
