--[[ Give a user a seat in a team, or let his seat be as his record says. A number counts for its last user alone.

  KEYS  1 record of the team, 2 seats: user -> "rev|number", 3 numbers: number -> user
  ARGV  1 user, 2 revision of his record, 3 the number with which he counts or "",
        4 seats at most; 0: only if he has one already

  Gives 1, also where an older revision than the seated one was passed by; 0 if there is no such team, it is full, or
  he has no seat.
]]
local stored = redis.call('HGET', KEYS[2], ARGV[1])
if not stored and ARGV[4] == '0' then return 0 end
if not stored and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local rev, before = string.match(stored or '-1|', '^(-?%d+)|(.*)$')
if tonumber(ARGV[2]) < tonumber(rev) then return 1 end
local number = ARGV[3]
if before ~= '' and before ~= number and redis.call('HGET', KEYS[3], before) == ARGV[1] then
  redis.call('HDEL', KEYS[3], before)
end
if number ~= '' then redis.call('HSET', KEYS[3], number, ARGV[1]) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '|' .. number)
return 1
