--[[ A page of the statement, and how far it has gone to the archive: read in one moment, as lines may go meanwhile.

  KEYS  1 account, 2 statement
  ARGV  1 seq of the newest line that is wanted (0: the newest there is), 2 how many

  Gives {seq of the last archived line, seq of the first line given, {lines, oldest first}}.
]]
local raw = redis.call('GET', KEYS[1])
local opening = raw and cmsgpack.unpack(raw)[8]
local archived = opening and opening[1] or 0
local newest = archived + redis.call('LLEN', KEYS[2])
local upto, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
if upto == 0 or upto > newest then upto = newest end
local first = math.max(archived + 1, upto - limit + 1)
if upto < first then return {archived, first, {}} end
return {archived, first, redis.call('LRANGE', KEYS[2], first - archived - 1, upto - archived - 1)}
