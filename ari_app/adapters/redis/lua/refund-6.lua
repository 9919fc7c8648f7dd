--[[ Give back what a call was charged, at most once in total, as a bonus that does not expire.

  KEYS  see account.inc.lua
  ARGV  1 op, 2 fingerprint, 3 now_ms, 4 call, 5 seconds ("": all that is left of the charge)

  Gives "R seconds available_s", also for a repetition; "X R ..." if the op had other content;
  "N unknown_call|empty|full available_s" if nothing was refunded.
]]
--@include account
--@include calendar
local before = seen_before()
if before then return before end
expire()
local settlement = redis.call('HGET', KEYS[2], ARGV[4])
if not settlement then return close('N unknown_call ' .. available) end
local pattern = '^(.-|%x+|)(%d+)(|%d+|%d+|%d+|%d+|)(%d+)(.*)$' -- the rest is its time, where one is kept
local head, charged, middle, refunded, rest = string.match(settlement, pattern)
local left = charged - refunded
local seconds = ARGV[5] == '' and left or tonumber(ARGV[5])
if seconds == 0 or seconds > left then return close('N empty ' .. available) end
if not has_room(1, 0) then return close('N full ' .. available) end
put(1, 0, seconds)
line('r', seconds, 1, 0, ARGV[1], ARGV[4])
totals[4] = totals[4] + seconds
redis.call('HSET', KEYS[2], ARGV[4], head .. charged .. middle .. refunded + seconds .. rest)
return close('R ' .. seconds .. ' ' .. available, true)
