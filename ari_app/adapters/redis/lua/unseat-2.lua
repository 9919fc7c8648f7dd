--[[ Take a user's seat in a team away, and his number out of its size.

  KEYS  1 seats: user -> "rev|number", 2 numbers: number -> user
  ARGV  1 user, 2 the newest revision of his record of which it may be; "": any

  Gives 1; 0 if he had none, or one of a newer revision.
]]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return 0 end
local rev, number = string.match(stored, '^(%d+)|(.*)$')
if ARGV[2] ~= '' and tonumber(rev) > tonumber(ARGV[2]) then return 0 end
if number ~= '' and redis.call('HGET', KEYS[2], number) == ARGV[1] then redis.call('HDEL', KEYS[2], number) end
redis.call('HDEL', KEYS[1], ARGV[1])
return 1
