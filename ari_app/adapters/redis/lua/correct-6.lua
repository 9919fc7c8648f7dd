--[[ The operator's own hand, up or down; down is all or nothing, soonest expiry first, never from holds.

  KEYS  see account.inc.lua
  ARGV  1 op, 2 fingerprint, 3 now_ms, 4 seconds (may be negative), 5 reason,
        6... the month, as in hold

  Gives "C seconds available_s", also for a repetition; "X C ..." if the op had other content;
  "N full|empty available_s" if nothing was corrected.
]]
--@include account
--@include calendar
--@include month
local before = seen_before()
if before then return before end
expire()
raise_to(6)
local seconds, reason = tonumber(ARGV[4]), ARGV[5]
if seconds > 0 then
  if not has_room(1, 0) then return close('N full ' .. available) end
  put(1, 0, seconds)
  line('c', seconds, 1, 0, ARGV[1], '', reason)
else
  if available < -seconds then return close('N empty ' .. available) end
  take(-seconds, function(kind, expires, taken)
    line('c', -taken, kind, expires, ARGV[1], '', reason)
  end)
end
totals[3] = totals[3] + seconds
return close('C ' .. seconds .. ' ' .. available, true)
