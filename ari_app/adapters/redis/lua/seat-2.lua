--[[ Give a user a seat in a team that does not count yet. One that he has stays, and knows of the newer record.

  KEYS  1 record of the team, 2 seats: user -> "rev|number"
  ARGV  1 user, 2 revision of his record, 3 seats at most

  Gives 1; 0 if there is no such team, or it is full.
]]
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local stored = redis.call('HGET', KEYS[2], ARGV[1])
if not stored and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 0 end
local rev, number = string.match(stored or ARGV[2] .. '|', '^(%d+)|(.*)$')
redis.call('HSET', KEYS[2], ARGV[1], math.max(tonumber(rev), tonumber(ARGV[2])) .. '|' .. number)
return 1
