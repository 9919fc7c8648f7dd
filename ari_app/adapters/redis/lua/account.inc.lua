--[[ Shared by the ledger's scripts: one payer's account, opened for one operation. Twin: domain/ledger_book.py.
  KEYS     1 account, 2 settlements, 3 statement, 4 5 6 operations of this epoch, the one before, the one after
  ARGV     1 op, 2 its fingerprint, 3 now_ms, 4... the script's own
  account  {2, month key, month granted_s, totals, buckets, holds, backed, opening}, packed
  backed   1: the month was granted through a proved number
  opening  {seq, until_ms, balance_s, totals} of what went to the archive; nil: nothing did
  totals   {granted, bought, corrected, refunded, spent, expired, overrun}
  bucket   {kind, expires_at_ms, left_s, granted_s}; kind 0 month 1 bonus 2 bought; expires 0: never
  hold     {call, {kind, expires_at_ms, seconds}, ...}
  line     at_ms|what|seconds|balance_after_s|kind|expires_at_ms|op|call|note
]]
local raw = redis.call('GET', KEYS[1])
local acc = raw and cmsgpack.unpack(raw) or {2, '', 0, {0, 0, 0, 0, 0, 0, 0}, {}, {}, 0}
if acc[1] == 1 then acc[1], acc[7] = 2, 0 end -- as written by the first version
local totals, holds, now = acc[4], acc[6], tonumber(ARGV[3])
local news, dirty, available, balance = {}, false, 0, 0
for _, b in ipairs(acc[5]) do available = available + b[3] end
balance = available
for _, h in ipairs(holds) do
  for i = 2, #h do balance = balance + h[i][3] end
end

local function line(what, seconds, kind, expires, op, call, note)
  balance = balance + seconds
  local fields = {now, what, seconds, balance, kind, expires, op, call or '', note or ''}
  news[#news + 1] = table.concat(fields, '|')
end

local function soonest(x, y) -- kind and expiry are at the same place in buckets and parts
  if x[2] ~= y[2] then return y[2] == 0 or (x[2] ~= 0 and x[2] < y[2]) end
  return x[1] < y[1]
end

local function find(kind, expires)
  for _, b in ipairs(acc[5]) do
    if b[1] == kind and b[2] == expires then return b end
  end
end

local function put(kind, expires, seconds, is_return)
  local b = find(kind, expires)
  available = available + seconds
  if b then
    b[3], b[4] = b[3] + seconds, b[4] + (is_return and 0 or seconds)
  else
    table.insert(acc[5], {kind, expires, seconds, seconds})
    table.sort(acc[5], soonest)
  end
end

local function take(seconds, each) -- soonest expiry first; the caller has made sure that there is enough
  available = available - seconds
  for _, b in ipairs(acc[5]) do
    local taken = math.min(b[3], seconds)
    if taken > 0 then
      b[3], seconds = b[3] - taken, seconds - taken
      each(b[1], b[2], taken)
    end
  end
end
