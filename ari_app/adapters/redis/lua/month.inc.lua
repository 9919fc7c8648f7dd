--[[ Shared by the ledger's scripts: the month's free minutes. The script's ARGV has key, allowance_s, ends_at_ms,
  counted_s ("-": no number is proved) and why, one after the other. Twin: Book.raise_to. ]]
local function month_line(key, ends, seconds, why)
  totals[1] = totals[1] + seconds
  line('m', seconds, 0, ends, 'calendar', '', why == '' and key or key .. ' ' .. why)
end

local function take_back(key, seconds) -- out of what is left of the month, whenever it ends
  local taken = 0
  for _, b in ipairs(acc[5]) do
    local back = b[1] == 0 and math.min(seconds - taken, b[3]) or 0
    if back > 0 then
      b[3], b[4], available, taken = b[3] - back, b[4] - back, available - back, taken + back
      month_line(key, b[2], -back, 'granted already to another user of the number')
    end
  end
  return taken
end

local function raise_to(first) -- monotone in month and allowance; see Book.raise_to
  local key, allowance, ends = ARGV[first], tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local counted, why = tonumber(ARGV[first + 3]), ARGV[first + 4] -- counted nil ("-"): no number is proved
  if key < acc[2] or ends <= now then return end
  local is_new = key ~= acc[2]
  if is_new then expire(true) end
  local backed, granted = is_new and 0 or acc[7], is_new and 0 or acc[3]
  if backed == 1 and not counted then return end
  if counted and backed == 0 then
    granted, backed = granted - take_back(key, math.min(granted, counted)), 1
  end
  local more = math.max(0, allowance - (counted or 0) - granted)
  dirty = dirty or is_new or backed ~= acc[7] or more > 0
  acc[2], acc[3], acc[7] = key, granted + more, backed
  if more > 0 then
    put(0, ends, more)
    month_line(key, ends, more, why)
  end
end
