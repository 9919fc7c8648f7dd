--[[ Write down what the calendar did to an account, and tell it. Writes nothing where the calendar did nothing.

  KEYS  1 account, 2 (not used), 3 statement
  ARGV  1 2 "", 3 now_ms, 4... the month, as in hold

  Gives the packed account (account.inc.lua).
]]
--@include account
--@include calendar
--@include month
expire()
raise_to(4)
close('')
return cmsgpack.pack(acc)
