--[[ What a source has told, put into the feed, if it stands there where it is thought to stand.

  KEYS  1 the feed (a stream), 2 how far the source is in it: "<number> <mark>" of its last event there
  ARGV  1 how far it is thought to be, "" where nothing of it is there; 2 how far it is then; 3 ttl_ms of that word;
        4... entries

  Gives 1; 0 where it stands elsewhere, and nothing was put.
]]
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then return 0 end
for i = 4, #ARGV do redis.call('XADD', KEYS[1], '*', 'n', ARGV[i]) end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
