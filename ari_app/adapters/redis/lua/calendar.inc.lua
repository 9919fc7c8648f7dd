--[[ Shared by the ledger's scripts: what the calendar does to an account, and writing it down when all is decided. ]]
local function expire(is_month_over) -- what is left of a month that is over goes, whenever it was to end
  local kept = {}
  for _, b in ipairs(acc[5]) do
    if (b[2] ~= 0 and b[2] <= now) or (is_month_over and b[1] == 0) then
      dirty, available = true, available - b[3]
      if b[3] > 0 then
        line('x', -b[3], b[1], b[2], 'calendar')
        totals[6] = totals[6] + b[3]
      end
    else
      kept[#kept + 1] = b
    end
  end
  acc[5] = kept
end

local function has_room(kind, expires)
  return #acc[5] < 64 or find(kind, expires) ~= nil
end

local function seen_before() -- the answer then; after "X " if the content was another one
  for key = 4, 6 do
    local found = redis.call('HGET', KEYS[key], ARGV[1])
    if found then
      local print_then, answer = string.match(found, '^(%x+) (.*)$')
      return print_then == ARGV[2] and answer or 'X ' .. answer
    end
  end
end

local function close(answer, is_done) -- an empty bucket goes, unless it is the month's or a hold may come back to it
  if is_done or dirty or #news > 0 then
    local named, kept = {}, {}
    for _, h in ipairs(holds) do
      for i = 2, #h do named[h[i][1] .. '|' .. h[i][2]] = true end
    end
    for _, b in ipairs(acc[5]) do
      if b[3] > 0 or b[1] == 0 or named[b[1] .. '|' .. b[2]] then kept[#kept + 1] = b end
    end
    acc[5] = kept
    redis.call('SET', KEYS[1], cmsgpack.pack(acc))
    if #news > 0 then redis.call('RPUSH', KEYS[3], unpack(news)) end
  end
  if is_done and redis.call('HSET', KEYS[4], ARGV[1], ARGV[2] .. ' ' .. answer) == 1
      and redis.call('HLEN', KEYS[4]) == 1 then
    redis.call('EXPIRE', KEYS[4], 6134400) -- 71 days: this epoch and the next, of 35 days each
  end
  return answer
end
