--[[ A tenant takes the place of what was known of it, if that is still what it was.

  KEYS  1 hash: tenant → its record
  ARGV  1 tenant   2 the record as it was read, '' where there was none   3 the new one   4 most tenants there may be

  Gives 'done'; 'changed', where another record stands there; 'full', where it would be one too many.
]]
local there = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if there ~= ARGV[2] then return 'changed' end
if there == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'done'
