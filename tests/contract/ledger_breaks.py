"""Every rule of the ledger, broken on purpose: edits of the pure functions and of the scripts. Runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Edit = tuple[str, str]  # what stands there, what shall


@dataclass(frozen=True)
class Break:
    """One rule broken: edits of domain/ledger.py, ledger_book.py and ledger_archive.py, and of the scripts."""

    name: str
    pure: Sequence[Edit] = ()
    book: Sequence[Edit] = ()
    archive: Sequence[Edit] = ()
    lua: dict[str, Sequence[Edit]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


BREAKS = [
    Break(
        "a settlement takes effect twice",
        pure=[("if (before := resolved_before(account, op, print_, call, now_ms)) is not None:", "if before := None:")],
        lua={"settle": [("if before then return before end", ""), ("if first then", "if false then")]},
    ),
    Break(
        "a hold takes effect twice",
        pure=[("(before := done_before(account, op, print_, now_ms, Held)) is not None", "(before := None)")],
        lua={"hold": [("if before then return before end", "")]},
    ),
    Break(
        "a grant takes effect twice",
        pure=[("(before := done_before(account, op, print_, now_ms, Granted)) is not None", "(before := None)")],
        lua={"grant": [("if before then return before end", "")]},
    ),
    Break(
        "a correction takes effect twice",
        pure=[("(before := done_before(account, op, print_, now_ms, Corrected)) is not None", "(before := None)")],
        lua={"correct": [("if before then return before end", "")]},
    ),
    Break(
        "a refund takes effect twice",
        pure=[("(before := done_before(account, op, print_, now_ms, Refunded)) is not None", "(before := None)")],
        lua={"refund": [("if before then return before end", "")]},
    ),
    Break(
        "the content of an operation is not compared",
        pure=[("return answer if print_ == print_then else Conflict(answer)", "return answer")],
        lua={"calendar": [("return print_then == ARGV[2] and answer or 'X ' .. answer", "return answer")]},
    ),
    Break(
        "an operation is forgotten at the turn of its epoch",
        pure=[("abs(epoch(found.at_ms) - epoch(now_ms)) <= 1", "epoch(found.at_ms) == epoch(now_ms)")],
        lua={"calendar": [("for key = 4, 6 do", "for key = 4, 4 do")]},
    ),
    Break(
        "an operation is forgotten by a clock that is late",
        pure=[("abs(epoch(found.at_ms) - epoch(now_ms)) <= 1", "0 <= epoch(now_ms) - epoch(found.at_ms) <= 1")],
        lua={"calendar": [("for key = 4, 6 do", "for key = 4, 5 do")]},
    ),
    Break(
        "another operation may resolve a call again, with the first one's answer",
        pure=[("return first.answer if (first.op, first.fingerprint) == (op, print_) else Conflict(first.answer)",
               "return first.answer")],
        lua={"settle": [("(same and 'S ' or 'X S ')", "'S '")]},
    ),
    Break(
        "a hold ignores the balance",
        pure=[("affordable_s(want_s, increment, held_s, book.available_s)", "max(want_s, 60)")],
        book=[("assert seconds == 0", "assert seconds >= 0"),
              ("taken_s = min(bucket.left_s, seconds)", "taken_s = seconds")],
        lua={"hold": [("if seconds > available then", "if false then"), ("if seconds <= 0 then", "if false then")],
             "account": [("math.min(b[3], seconds)", "seconds")]},
    ),
    Break(
        "a hold takes what it wants and not whole increments",
        pure=[("affordable_s(want_s, increment, held_s, book.available_s)", "min(want_s, book.available_s)")],
        lua={"hold": [("up(held + want) - held", "want")]},
    ),
    Break(
        "a hold takes less than an increment though a whole one is left",
        pure=[("affordable_s(want_s, increment, held_s, book.available_s)",
               "min(affordable_s(want_s, increment, held_s, 10**9), book.available_s)")],
        lua={"hold": [("if seconds > available then seconds = down(held + available) - held end",
                       "if seconds > available then seconds = available end")]},
    ),
    Break(
        "what is less than an increment is not held",
        pure=[("if seconds == 0:", "if seconds == 0 or seconds % increment.next_s:")],
        lua={"hold": [("if seconds <= 0 then seconds = available end", "if seconds < 0 then seconds = 0 end")]},
    ),
    Break(
        "a settled call may hold again",
        pure=[("if call in account.settlements:", "if False:")],
        lua={"hold": [("if redis.call('HEXISTS', KEYS[2], call) == 1 then", "if false then")]},
    ),
    Break(
        "live calls are not limited",
        pure=[("counted_with(call, account.holds) >= max_live_calls", "False")],
        lua={"hold": [("live >= tonumber(ARGV[8])", "false")]},
    ),
    Break(
        "a call that holds already is refused for live calls",
        pure=[("if call not in account.holds and counted", "if counted")],
        lua={"hold": [("if not hold and live >=", "if live >=")]},
    ),
    Break(
        "rounding counts as overrun",
        pure=[("max(0, used_s - held_s)", "max(0, rounded_s - held_s)")],
        lua={"settle": [("math.max(0, used - held)", "math.max(0, rounded - held)")]},
    ),
    Break(
        "an overrun is not told",
        pure=[("max(0, used_s - held_s)", "0")],
        lua={"settle": [("math.max(0, used - held)", "0")]},
    ),
    Break(
        "an overrun is taken from the payer",
        pure=[("charged_s = min(rounded_s, held_s)", "charged_s = rounded_s")],
        lua={"settle": [("math.min(rounded, held)", "rounded")]},
    ),
    Break(
        "what comes back goes to a bucket that has expired",
        book=[("if rest_s > 0 and part.expires_at_ms != NEVER_MS and part.expires_at_ms <= self.now_ms:", "if False:")],
        lua={"settle": [("if rest > 0 and expires ~= 0 and expires <= now then", "if false then")]},
    ),
    Break(
        "what comes back is lost",
        book=[("self.put(part.kind, part.expires_at_ms, rest_s, is_new=False)", "pass")],
        lua={"settle": [("put(kind, expires, rest, true)", "")]},
    ),
    Break(
        "what comes back counts as granted anew",
        book=[("rest_s, is_new=False)", "rest_s)")],
        lua={"settle": [("put(kind, expires, rest, true)", "put(kind, expires, rest)")]},
    ),
    Break(
        "a hold stays when its call is settled",
        pure=[("book.holds.pop(call, ())", "book.holds.get(call, ())")],
        lua={"settle": [("holds, acc[6] = kept, kept", "")]},
    ),
    Break(
        "the latest expiry is spent first",
        book=[("in sorted(parts, key=lambda p: (p.expires_at_ms == NEVER_MS, p.expires_at_ms, _ORDER[p.kind])):",
               "in reversed(tuple(parts)):")],
        lua={"settle": [("table.sort(parts, soonest)", "table.sort(parts, function(x, y) return soonest(y, x) end)")]},
    ),
    Break(
        "parts are spent in the order in which they were held",
        book=[("in sorted(parts, key=lambda p: (p.expires_at_ms == NEVER_MS, p.expires_at_ms, _ORDER[p.kind])):",
               "in parts:")],
        lua={"settle": [("table.sort(parts, soonest)", "")]},
    ),
    Break(
        "minutes without expiry are held first",
        book=[("b.expires_at_ms == NEVER_MS, b.expires_at_ms", "b.expires_at_ms")],
        lua={"account": [("return y[2] == 0 or (x[2] ~= 0 and x[2] < y[2])", "return x[2] < y[2]")]},
    ),
    Break(
        "nothing expires",
        book=[("self._end(bucket for bucket in self._buckets if bucket.has_expired(self.now_ms))", "pass")],
        lua={"calendar": [("if (b[2] ~= 0 and b[2] <= now) or", "if")]},
    ),
    Break(
        "what expires leaves no line",
        book=[('self.write("calendar", What.EXPIRED', '(lambda *_: None)("calendar", What.EXPIRED')],
        lua={"calendar": [("line('x', -b[3], b[1], b[2], 'calendar')", "")]},
    ),
    Break(
        "a bucket expires a millisecond late",
        book=[("bucket.has_expired(self.now_ms)", "bucket.has_expired(self.now_ms - 1)")],
        lua={"calendar": [("b[2] <= now", "b[2] < now")]},
    ),
    Break(
        "every touch grants the month again",
        book=[("(month.counted_s or 0) - granted_s", "(month.counted_s or 0)")],
        lua={"month": [("(counted or 0) - granted)", "(counted or 0))")]},
    ),
    Break(
        "a lower allowance takes minutes away",
        book=[("max(0, month.allowance_s - (month.counted_s or 0) - granted_s)",
               "month.allowance_s - (month.counted_s or 0) - granted_s"),
              ("if more_s > 0:", "if more_s != 0:")],
        lua={"month": [("math.max(0, allowance - (counted or 0) - granted)", "allowance - (counted or 0) - granted"),
                          ("if more > 0 then", "if more ~= 0 then")]},
    ),
    Break(
        "a stale process brings the old month back",
        book=[("if month.key < self._month_key or", "if")],
        lua={"month": [("if key < acc[2] or ends <= now", "if ends <= now")]},
    ),
    Break(
        "a month that is over is granted",
        book=[("or month.ends_at_ms <= self.now_ms", "")],
        lua={"month": [("or ends <= now then", "then")]},
    ),
    Break(
        "a correction goes below zero",
        pure=[("if book.available_s < -seconds:", "if False:")],
        book=[("assert seconds == 0", "assert seconds >= 0")],
        lua={"correct": [("if available < -seconds then", "if false then")]},
    ),
    Break(
        "a correction leaves no reason",
        pure=[("Kind.BONUS, NEVER_MS, seconds, reason)", "Kind.BONUS, NEVER_MS, seconds)")],
        lua={"correct": [("line('c', seconds, 1, 0, ARGV[1], '', reason)", "line('c', seconds, 1, 0, ARGV[1])")]},
    ),
    Break(
        "a call is refunded more than once",
        pure=[("settlement.answer.charged_s - settlement.refunded_s", "settlement.answer.charged_s")],
        lua={"refund": [("charged - refunded", "charged + 0")]},
    ),
    Break(
        "a refund is not counted",
        pure=[("book.add_to_totals(refunded_s=wanted_s)", "pass")],
        lua={"refund": [("totals[4] = totals[4] + seconds", "")]},
    ),
    Break(
        "a grant is not counted",
        pure=[('book.add_to_totals(**{"bought_s" if kind is Kind.BOUGHT else "granted_s": seconds})', "pass")],
        lua={"grant": [("totals[kind] = totals[kind] + seconds", "")]},
    ),
    Break(
        "an expired grant is taken",
        pure=[("if expires != NEVER_MS and expires <= now_ms:", "if False:")],
        lua={"grant": [("if expires ~= 0 and expires <= now then", "if false then")]},
    ),
    Break(
        "buckets are not limited",
        book=[("len(self._buckets) < BUCKETS_MAX", "True")],
        lua={"calendar": [("#acc[5] < 64", "true")]},
    ),
    Break(
        "empty buckets pile up",
        book=[("if bucket.left_s > 0 or bucket.kind is Kind.MONTH or", "if True or")],
        lua={"calendar": [("if b[3] > 0 or b[1] == 0 or", "if true or")]},
    ),
    Break(
        "a bucket is forgotten while a call holds of it",
        book=[("or (bucket.kind, bucket.expires_at_ms) in named", "")],
        lua={"calendar": [("or named[b[1] .. '|' .. b[2]]", "")]},
    ),
    Break(
        "what others had through the number does not count",
        book=[("month.allowance_s - (month.counted_s or 0) - granted_s", "month.allowance_s - granted_s")],
        lua={"month": [("allowance - (counted or 0) - granted", "allowance - granted")]},
    ),
    Break(
        "a first number takes nothing back",
        book=[("granted_s -= self._take_back(month.key, min(granted_s, month.counted_s))", "pass")],
        lua={"month": [("granted - take_back(key, math.min(granted, counted))", "granted")]},
    ),
    Break(
        "every number takes back, not the first alone",
        book=[("if month.counted_s is not None and not is_backed:", "if month.counted_s is not None:")],
        lua={"month": [("if counted and backed == 0 then", "if counted then")]},
    ),
    Break(
        "what is held is taken back",
        book=[("min(seconds - taken_s, bucket.left_s)", "(seconds - taken_s)")],
        lua={"month": [("math.min(seconds - taken, b[3])", "(seconds - taken)")]},
    ),
    Break(
        "what is taken back leaves no line",
        book=[("self._write_month(key, bucket.expires_at_ms, -back_s, TAKEN_BACK)", "pass")],
        lua={"month": [("month_line(key, b[2], -back, 'granted already to another user of the number')", "")]},
    ),
    Break(
        "a hold grants to who has no number",
        pure=[("None if month.counted_s is None else month", "month")],
        lua={"hold": [("if ARGV[12] ~= '-' then raise_to(9) end", "raise_to(9)")]},
    ),
    Break(
        "what is left of a month outlives it",
        book=[("self._end(bucket for bucket in self._buckets if bucket.kind is Kind.MONTH)", "pass")],
        lua={"month": [("if is_new then expire(true) end", "")]},
    ),
    Break(
        "a stale look at a user without a number grants",
        book=[("if is_backed and month.counted_s is None:", "if False:")],
        lua={"month": [("if backed == 1 and not counted then return end", "")]},
    ),
    Break(
        "a new month remembers the number of the old one",
        book=[("self._is_month_backed and not is_new", "self._is_month_backed")],
        lua={"month": [("local backed, granted = is_new and 0 or acc[7],", "local backed, granted = acc[7],")]},
    ),
    Break(
        "lines leave that are not the ones in the file",
        archive=[("or account.lines[:count] != old.lines", "")],
        lua={"forget": [("or redis.sha1hex(table.concat(lines, '\\n')) ~= ARGV[3]", "")]},
    ),
    Break(
        "lines leave twice",
        archive=[("before_seq != old.before_seq or account.lines[:count] != old.lines", "False")],
        lua={"forget": [("if (acc[8] and acc[8][1] or 0) ~= tonumber(ARGV[1]) then return 0 end", ""),
                        ("#lines ~= count or redis.sha1hex(table.concat(lines, '\\n')) ~= ARGV[3]", "false")]},
    ),
    Break(
        "a settlement leaves that has changed since",
        archive=[("or not are_there", "")],
        lua={"forget": [("if redis.call('HGET', KEYS[2], ARGV[at]) ~= ARGV[at + 1] then return 0 end", "")]},
    ),
    Break(
        "what left takes its sums along",
        archive=[("settlements=settlements, opening=old.opening", "settlements=settlements")],
        lua={"forget": [("redis.call('SET', KEYS[1], cmsgpack.pack(acc))", "")]},
    ),
    Break(
        "the statement counts from one again",
        book=[(" + (account.opening.seq if account.opening else 0)", "")],
        lua={"page": [("local archived = opening and opening[1] or 0", "local archived = 0")]},
    ),
    Break(
        "a refund forgets the time of its call",
        pure=[("replace(settlement, refunded_s=settlement.refunded_s + wanted_s)",
               "replace(settlement, refunded_s=settlement.refunded_s + wanted_s, at_ms=0)")],
        lua={"refund": [("refunded + seconds .. rest)", "refunded + seconds)")]},
    ),
]  # fmt: skip
