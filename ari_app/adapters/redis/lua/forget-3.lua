--[[ Drop the oldest lines and settlements of an account, which are safe in a file, and keep their sums.

  KEYS  1 account, 2 settlements, 3 statement
  ARGV  1 seq of the last line that went before, 2 how many lines, 3 SHA-1 of them, a line feed between,
        4 seq 5 until_ms 6 balance_s 7...13 totals: the opening from then on,
        14... call and settlement, as stored, of each that goes

  Gives 1; 0 if the account does not begin with exactly those, and nothing was dropped.
]]
local raw = redis.call('GET', KEYS[1])
if not raw then return 0 end
local acc = cmsgpack.unpack(raw)
local count = tonumber(ARGV[2])
if (acc[8] and acc[8][1] or 0) ~= tonumber(ARGV[1]) then return 0 end
local lines = count > 0 and redis.call('LRANGE', KEYS[3], 0, count - 1) or {}
if #lines ~= count or redis.sha1hex(table.concat(lines, '\n')) ~= ARGV[3] then return 0 end
for at = 14, #ARGV, 2 do
  if redis.call('HGET', KEYS[2], ARGV[at]) ~= ARGV[at + 1] then return 0 end
end

if count > 0 then redis.call('LTRIM', KEYS[3], count, -1) end
for at = 14, #ARGV, 2 do redis.call('HDEL', KEYS[2], ARGV[at]) end
local totals = {}
for at = 7, 13 do totals[#totals + 1] = tonumber(ARGV[at]) end
if acc[1] == 1 then acc[1], acc[7] = 2, 0 end
acc[8] = {tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), totals}
redis.call('SET', KEYS[1], cmsgpack.pack(acc))
return 1
