--[[ Replace one recipient of a notice, if nobody did since; count who is left; append events.

  KEYS  1 notice, a hash, 2 recipients: number → "rev live record", 3 events
  ARGV  1 number, 2 rev that is replaced, 3 the new "rev live record", 4 an event for when nobody is left,
        5... other events

  `live` is 1 where something is still to be done about him, else 0.

  Gives how many are left; -1: somebody replaced him, and nothing was changed. The very same asked again gives the same.
]]
local stored = redis.call('HGET', KEYS[2], ARGV[1])
if not stored then return -1 end
if stored == ARGV[3] then return tonumber(redis.call('HGET', KEYS[1], 'open')) end
local rev, live = string.match(stored, '^(%d+) ([01]) ')
if rev ~= ARGV[2] then return -1 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
local is_live = string.match(ARGV[3], '^%d+ ([01]) ')
local left = redis.call('HINCRBY', KEYS[1], 'open', is_live - live)
if #ARGV > 4 then redis.call('RPUSH', KEYS[3], unpack(ARGV, 5)) end
if left == 0 and live == '1' then redis.call('RPUSH', KEYS[3], ARGV[4]) end
return left
