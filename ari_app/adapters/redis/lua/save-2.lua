--[[ Replace a call's record if nobody saved in between and no higher fence was seen; append its events.

  KEYS  1 record, stored as "version fence node created_at_ms\n..."; 2 events
  ARGV  1 version it must have, 2 fence, 3 record, 4... events

  Gives {"saved", version, 1 where nobody may know of the events: asked again, or by a new owner, whose fence it now
  has, for the one before may have died; else 0}, also for the very same save asked again; {"stale", version now, 0 if
  there is no call}; {"fenced", fence now}.
]]
local head = redis.call('GETRANGE', KEYS[1], 0, 255)
local version, fence, rest = string.match(head, '^(%d+) (%d+)( [^\n]*\n)')
if not version then return {'stale', 0} end
version, fence = tonumber(version), tonumber(fence)
local expected, mine = tonumber(ARGV[1]), tonumber(ARGV[2])
if mine < fence then return {'fenced', fence} end
if version == expected + 1 and mine == fence then
  local _, length = string.find(head, '\n', 1, true)
  if redis.call('GETRANGE', KEYS[1], length, -1) == ARGV[3] then return {'saved', version, 1} end
end
if version ~= expected then return {'stale', version} end
redis.call('SET', KEYS[1], version + 1 .. ' ' .. ARGV[2] .. rest .. ARGV[3], 'KEEPTTL')
if #ARGV > 3 then
  redis.call('RPUSH', KEYS[2], unpack(ARGV, 4))
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl > 0 then redis.call('PEXPIRE', KEYS[2], ttl) end -- the call is closed: the events go with it
end
return {'saved', version + 1, mine > fence and 1 or 0}
