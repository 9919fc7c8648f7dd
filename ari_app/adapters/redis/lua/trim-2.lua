--[[ The oldest entries out of the feed, and the word up to where it was cut.

  KEYS  1 the feed (a stream), 2 the place of the last entry that was cut
  ARGV  1 the last ms whose entries are too old, 2 entries that may stay, 3 so many at once

  Gives how many went.
]]
local found = redis.call('XRANGE', KEYS[1], '-', ARGV[1], 'COUNT', ARGV[3])
local over = math.min(redis.call('XLEN', KEYS[1]) - ARGV[2], tonumber(ARGV[3]))
if over > #found then found = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', over) end
if #found == 0 then return 0 end
local last = found[#found][1]
redis.call('SET', KEYS[2], last)
redis.call('XTRIM', KEYS[1], 'MINID', '=', last)
redis.call('XDEL', KEYS[1], last)
return #found
