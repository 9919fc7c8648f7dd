--[[ Hold minutes for a call: whole increments, soonest expiry first; where less is left, what there is.

  KEYS  see account.inc.lua
  ARGV  1 op, 2 fingerprint, 3 now_ms, 4 call, 5 want_s, 6 initial_s, 7 next_s, 8 live calls at most,
        9... month key, allowance_s, ends_at_ms, counted_s ("-": no number is proved), why

  Gives "H seconds call_held_s available_s", also for a repetition; "X H ..." if the op had other content;
  "N closed|live_calls|empty available_s" if nothing was held.
]]
--@include account
--@include calendar
--@include month
local before = seen_before()
if before then return before end
expire()
if ARGV[12] ~= '-' then raise_to(9) end -- who has no number can place no call: see domain/ledger.py

local call, want, initial, step = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
if redis.call('HEXISTS', KEYS[2], call) == 1 then return close('N closed ' .. available) end
local hold, held, live = nil, 0, 0
local function is_beside(id) return string.sub(id, 1, 3) == 'c00' end -- see domain/lanes.py
for _, h in ipairs(holds) do
  if h[1] == call then hold = h end
  if is_beside(h[1]) == is_beside(call) then live = live + 1 end
end
if not hold and live >= tonumber(ARGV[8]) then return close('N live_calls ' .. available) end
for i = 2, hold and #hold or 0 do held = held + hold[i][3] end

local function up(seconds) -- to whole increments
  return seconds <= initial and initial or seconds + (initial - seconds) % step
end

local function down(seconds)
  return seconds < initial and 0 or seconds - (seconds - initial) % step
end

local seconds = up(held + want) - held
if seconds > available then seconds = down(held + available) - held end
if seconds <= 0 then seconds = available end
if seconds == 0 then return close('N empty 0') end

if not hold then
  hold = {call}
  holds[#holds + 1] = hold
end
take(seconds, function(kind, expires, taken)
  for i = 2, #hold do
    if hold[i][1] == kind and hold[i][2] == expires then
      hold[i][3] = hold[i][3] + taken
      return
    end
  end
  hold[#hold + 1] = {kind, expires, taken}
end)
return close('H ' .. seconds .. ' ' .. held + seconds .. ' ' .. available, true)
