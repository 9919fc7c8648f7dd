--[[ The heads of lanes of a webhook that are due.

  KEYS  1 lanes, 2 queue, 3 heads, 4 tries (see lane_put.inc.lua)
  ARGV  1 now_ms, 2 how many at most, 3... sources that are left out

  Gives {when the next one is due, or ""; then of each: its entry in the queue, its tries}.
]]
--@include lane_put
local out, but, most = {''}, {}, tonumber(ARGV[2])
for i = 3, #ARGV do but[ARGV[i]] = true end
for _, source in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, most + #ARGV - 2)) do
  local head = not but[source] and #out < 2 * most and first(source)
  if head then
    out[#out + 1] = head
    out[#out + 1] = redis.call('HGET', KEYS[4], source) or '0'
  end
end
local next = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if next[2] then out[1] = next[2] end
return out
