--[[ A code is read out to a number: from now on it is the one that counts, unless a later one was asked for.

  KEYS  1 code: of one user and number
  ARGV  1 call, 2 digest, 3 asked_at_ms, 4 expires_at_ms, 5 tries, 6 keep_ms: how long it is kept

  Gives 1; 0 where a later one stands: nothing was written. Of a call that is there its digest alone is written: its
  tries and its end stay as they are.
]]
local there = redis.call('HMGET', KEYS[1], 'call', 'asked')
if there[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'digest', ARGV[2])
  return 1
end
if there[1] and tonumber(there[2]) > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], 'call', ARGV[1], 'digest', ARGV[2], 'asked', ARGV[3], 'expires', ARGV[4],
  'tries', ARGV[5], 'left', ARGV[5], 'spent', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
