--[[ Resolve a call once: what was used is spent, the rest goes back to where it came from, or expires if that has.

  KEYS  see account.inc.lua
  ARGV  1 op, 2 fingerprint, 3 now_ms, 4 call, 5 used_s, 6 rounded_s (both 0: void)

  Gives "S charged_s returned_s overrun_s expired_s", also for a repetition; "X S ..." if the op had other content
  or the call was resolved by another op.
  The settlement is kept as "op|fingerprint|charged_s|returned_s|overrun_s|expired_s|used_s|refunded_s|at_ms".
]]
--@include account
--@include calendar
local before = seen_before()
if before then return before end
local call, used, rounded = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local first = redis.call('HGET', KEYS[2], call)
if first then
  local op, print_then, c, r, o, e = string.match(first, '^(.-)|(%x+)|(%d+)|(%d+)|(%d+)|(%d+)|')
  local same = op == ARGV[1] and print_then == ARGV[2]
  return (same and 'S ' or 'X S ') .. table.concat({c, r, o, e}, ' ')
end
expire()

local parts, held, kept = {}, 0, {}
for _, h in ipairs(holds) do
  if h[1] == call then parts = {unpack(h, 2)} else kept[#kept + 1] = h end
end
holds, acc[6] = kept, kept
for _, part in ipairs(parts) do held = held + part[3] end
table.sort(parts, soonest)
local charged, overrun, returned, expired = math.min(rounded, held), math.max(0, used - held), 0, 0
local unpaid = charged
for _, part in ipairs(parts) do
  local kind, expires, seconds = part[1], part[2], part[3]
  local spent = math.min(seconds, unpaid)
  local rest = seconds - spent
  unpaid = unpaid - spent
  if spent > 0 then line('s', -spent, kind, expires, ARGV[1], call) end
  if rest > 0 and expires ~= 0 and expires <= now then
    line('x', -rest, kind, expires, ARGV[1], call)
    expired = expired + rest
  elseif rest > 0 then
    put(kind, expires, rest, true)
    returned = returned + rest
  end
end
totals[5], totals[6], totals[7] = totals[5] + charged, totals[6] + expired, totals[7] + overrun
local told = {charged, returned, overrun, expired}
local settlement = {ARGV[1], ARGV[2], charged, returned, overrun, expired, used, 0, now}
redis.call('HSET', KEYS[2], call, table.concat(settlement, '|'))
return close('S ' .. table.concat(told, ' '), true)
