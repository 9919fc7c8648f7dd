--[[ Take one try of a code, before it is compared: so that many who guess at once have no more than there are.

  KEYS  1 code: of one user and number
  ARGV  1 now_ms

  Gives {call, digest, asked_at_ms, expires_at_ms, tries, left, spent}: left is -1 where there was none any more; {}
  where there is no code, or it has run out.
]]
local there = redis.call('HMGET', KEYS[1], 'call', 'digest', 'asked', 'expires', 'tries', 'left', 'spent')
if not there[1] or tonumber(ARGV[1]) >= tonumber(there[4]) then return {} end
local left = math.max(tonumber(there[6]) - 1, -1)
redis.call('HSET', KEYS[1], 'left', left)
there[6] = tostring(left)
return there
