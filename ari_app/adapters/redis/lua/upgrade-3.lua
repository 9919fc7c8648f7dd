--[[ Bring an account of an older form to this one; see account.inc.lua. Changes no second.

  KEYS  1 account, 2 settlements, 3 statement
  ARGV  none

  Gives 1 if something was changed. A settlement without a time gets that of the line that charged it; one without such
  a line, that of the newest line, or where lines went to the archive, a time before that: its line may be there.
]]
local raw = redis.call('GET', KEYS[1])
if not raw then return 0 end
local acc, changed = cmsgpack.unpack(raw), 0
if acc[1] == 1 then
  acc[1], acc[7], changed = 2, 0, 1
  redis.call('SET', KEYS[1], cmsgpack.pack(acc))
end
local settled, missing = redis.call('HGETALL', KEYS[2]), {}
for at = 1, #settled, 2 do
  local _, bars = string.gsub(settled[at + 1], '|', '')
  if bars == 7 then missing[#missing + 1] = at end
end
if #missing == 0 then return changed end

local times, newest = {}, 0
for _, line in ipairs(redis.call('LRANGE', KEYS[3], 0, -1)) do
  local at, what, call = string.match(line, '^(%d+)|(%a)|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|([^|]*)|')
  newest = tonumber(at)
  if what == 's' then times[call] = at end
end
for _, at in ipairs(missing) do
  local time = times[settled[at]] or math.min(newest, acc[8] and acc[8][2] - 1 or newest)
  redis.call('HSET', KEYS[2], settled[at], settled[at + 1] .. '|' .. time)
end
return 1
