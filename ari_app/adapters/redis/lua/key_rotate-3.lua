--[[ A key takes the place of another one, which goes on for a while. The one that took its place before is gone, if
  nobody has ever used it: its secret was lost on the way.

  KEYS  1 hash: digest → key   2 set: the digests of their tenant   3 hash: id of a key → when it was used
  ARGV  1 digest of the old one   2 by which it was replaced when it was read, '' by none   3 the old one, retired
        4 digest of the new one   5 the new one   6 digest of ARGV 2; '' where it is not there
        7 '1', where the old one has ended

  Gives 'done'; 'changed', where the old one is gone or was replaced since; 'used', where ARGV 2 was used, or was
  replaced itself; 'ended', where the old one has ended, and no lost one is there whose place the new one would take.
]]
local there = redis.call('HGET', KEYS[1], ARGV[1])
if not there or (cjson.decode(there).replaced_by or '') ~= ARGV[2] then return 'changed' end
local lost = redis.call('HGET', KEYS[1], ARGV[6])
if lost then
  local is_used = redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 or cjson.decode(lost).replaced_by ~= ''
  if is_used then return 'used' end
  redis.call('HDEL', KEYS[1], ARGV[6])
  redis.call('SREM', KEYS[2], ARGV[6])
elseif ARGV[7] == '1' then
  return 'ended'
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[4], ARGV[5])
redis.call('SADD', KEYS[2], ARGV[1], ARGV[4])
return 'done'
