--[[ Count a month's free minutes as granted through a phone number: whoever has it later gets only what is missing.

  KEYS  1 shares of the number in that month: user -> seconds
  ARGV  1 user, 2 allowance_s (0: only look), 3 until_ms: kept so long

  Gives what was granted to others.
]]
local others, mine = 0, 0
local shares = redis.call('HGETALL', KEYS[1])
for at = 1, #shares, 2 do
  if shares[at] == ARGV[1] then mine = tonumber(shares[at + 1]) else others = others + tonumber(shares[at + 1]) end
end
local due = math.max(0, tonumber(ARGV[2]) - others)
if due > mine then
  redis.call('HSET', KEYS[1], ARGV[1], due)
  redis.call('PEXPIREAT', KEYS[1], ARGV[3])
end
return others
