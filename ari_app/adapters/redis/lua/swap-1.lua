--[[ Compare and swap of one key, so that two writers of one record or claim never undo each other unseen.

  KEYS[1]  the key
  ARGV[1]  the value it must have now; "" for: it does not exist
  ARGV[2]  the value to set; "" for: delete it

  Gives 1 if it was swapped, 0 if the key had another value.
]]
local now = redis.call("GET", KEYS[1]) or ""
if now ~= ARGV[1] then
  return 0
end
if ARGV[2] == "" then
  redis.call("DEL", KEYS[1])
else
  redis.call("SET", KEYS[1], ARGV[2])
end
return 1
