--[[ Put bonus or bought minutes in. Minutes of one kind and expiry are one bucket.

  KEYS  see account.inc.lua
  ARGV  1 op, 2 fingerprint, 3 now_ms, 4 kind (1 bonus, 2 bought), 5 seconds, 6 expires_at_ms (0: never)

  Gives "G seconds available_s", also for a repetition; "X G ..." if the op had other content;
  "N expired|full available_s" if nothing was granted.
]]
--@include account
--@include calendar
local before = seen_before()
if before then return before end
expire()
local kind, seconds, expires = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if expires ~= 0 and expires <= now then return close('N expired ' .. available) end
if not has_room(kind, expires) then return close('N full ' .. available) end
put(kind, expires, seconds)
line(kind == 1 and 'b' or 'p', seconds, kind, expires, ARGV[1])
totals[kind] = totals[kind] + seconds -- 1 granted, 2 bought: the same numbers as the kinds
return close('G ' .. seconds .. ' ' .. available, true)
