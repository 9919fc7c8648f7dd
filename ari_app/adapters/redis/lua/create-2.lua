--[[ A new call, if there is none of that id whose head can be read.

  KEYS  1 record, 2 events
  ARGV  1 head of the record "version fence node created_at_ms\n", 2 record, 3... events

  Gives 0, or the stored head and record if there is one already.
]]
local stored = redis.call('GET', KEYS[1])
if stored and string.find(string.sub(stored, 1, 256), '^%d+ %d+ [!-~]+ %d+\n') then return stored end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2])
if #ARGV > 2 then redis.call('RPUSH', KEYS[2], unpack(ARGV, 3)) end
return 0
