--[[ A new notice with its recipients, if there is none of that id.

  KEYS  1 notice, a hash, 2 recipients: number → "rev live record", 3 events
  ARGV  1 the notice, 2 an event, 3... the recipients, in their order from 0

  Gives the notice as it is stored: this one, or the one that was there before.
]]
local stored = redis.call('HGET', KEYS[1], 'notice')
if stored then return stored end
redis.call('DEL', KEYS[2], KEYS[3])
for i = 3, #ARGV do
  redis.call('HSET', KEYS[2], i - 3, ARGV[i])
end
redis.call('RPUSH', KEYS[3], ARGV[2])
redis.call('HSET', KEYS[1], 'notice', ARGV[1], 'open', #ARGV - 2)
return ARGV[1]
