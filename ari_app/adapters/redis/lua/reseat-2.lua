--[[ Let a user's seat in a team count with the number that his record says. A number counts for its last user alone.

  KEYS  1 seats: user -> "rev|number", 2 numbers: number -> user
  ARGV  1 user, 2 revision of his record, 3 the number or ""

  Gives 1, also where he has no seat; 0 if the seat is of a newer revision, and stays.
]]
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored then return 1 end
local rev, before = string.match(stored, '^(%d+)|(.*)$')
if tonumber(ARGV[2]) < tonumber(rev) then return 0 end
local number = ARGV[3]
if before ~= '' and before ~= number and redis.call('HGET', KEYS[2], before) == ARGV[1] then
  redis.call('HDEL', KEYS[2], before)
end
if number ~= '' then redis.call('HSET', KEYS[2], number, ARGV[1]) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. number)
return 1
