--[[ A call is closed, and its details go before it does: what is left then takes the place of its record, and the whole
record stands beside it until it expires. Asked again, the times are set anew, nothing else changes.

  KEYS  1 record, 2 events, 3 details: the whole record
  ARGV  1 retention_s, 2 after_s, when the details go; 0: now; 3 what is left; 4 when the events go

  Gives nothing. A record that cannot be read goes with the details.
]]
local stored = redis.call('GET', KEYS[1])
local head = stored and string.match(string.sub(stored, 1, 256), '^%d+ %d+ [!-~]+ %d+\n')
local kept = tonumber(ARGV[2])
if head then
  if string.sub(stored, #head + 1) ~= ARGV[3] then
    redis.call('SET', KEYS[3], stored)
    redis.call('SET', KEYS[1], head .. ARGV[3])
  end
  redis.call('EXPIRE', KEYS[1], ARGV[1])
elseif stored then
  redis.call('EXPIRE', KEYS[1], kept)
end
redis.call('EXPIRE', KEYS[3], kept) -- 0 deletes
redis.call('EXPIRE', KEYS[2], ARGV[4])
