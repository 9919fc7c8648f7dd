"""The minute ledger: what may happen to an account. Pure functions over an immutable Account; no clock, no store.

The scripts in adapters/redis/lua do the same, line for line; the tests hold the two against each other. Every
operation has an id: asked again it gives the same answer and changes nothing. A refusal is a value, is not
remembered, and takes nothing (what expired or was granted by the calendar meanwhile is still written down).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from ari_app.domain import ledger_asks
from ari_app.domain.errors import CallerError
from ari_app.domain.lanes import counted_with
from ari_app.domain.ledger_book import Book, opened
from ari_app.domain.ledger_types import (
    NEVER_MS,
    OPS_KEPT_MS,
    Account,
    Answer,
    Balance,
    Conflict,
    Corrected,
    Done,
    Granted,
    Held,
    Kind,
    Line,
    MonthGrant,
    Part,
    Refunded,
    Refused,
    Settled,
    Settlement,
    StatementPage,
    What,
    Why,
    check_month,
)
from ari_app.domain.units import Increment, affordable_s

A = TypeVar("A", Held, Settled, Granted, Corrected, Refunded)


# ---- operations -----------------------------------------------------------------------------------------------------


def hold(
    account: Account, *, op: str, call: str, want_s: int, increment: Increment, now_ms: int, month: MonthGrant,
    max_live_calls: int,
) -> tuple[Account, Held | Refused | Conflict[Held]]:  # fmt: skip
    """Take up to want_s more for a call: whole increments, soonest expiry first; else what there is.

    Nothing is granted meanwhile to who has no proved number: he can place no call, so he was looked up before he had
    one or after he gave it away, and somebody else may have been granted the month through it.
    """
    check_month(month)
    print_ = ledger_asks.hold(op, call, want_s, increment)
    if (before := done_before(account, op, print_, now_ms, Held)) is not None:
        return account, before
    book = opened(account, now_ms, None if month.counted_s is None else month)
    if call in account.settlements:
        return book.closed(), Refused(Why.CLOSED, book.available_s)
    if call not in account.holds and counted_with(call, account.holds) >= max_live_calls:
        return book.closed(), Refused(Why.LIVE_CALLS, book.available_s)
    held_s = account.call_held_s(call)
    seconds = affordable_s(want_s, increment, held_s, book.available_s)
    if seconds == 0:
        return book.closed(), Refused(Why.EMPTY)
    book.holds[call] = merged(book.holds.get(call, ()), book.take(seconds))
    return _done(book, op, print_, Held(seconds, held_s + seconds, book.available_s))


def settle(
    account: Account, *, op: str, call: str, used_s: int, rounded_s: int, now_ms: int
) -> tuple[Account, Settled | Conflict[Settled]]:
    """Resolve a call: what was used is spent, the rest goes back. Beyond what is held nothing is ever taken."""
    print_ = ledger_asks.settle(op, call, used_s, rounded_s)
    return _resolve(account, op, print_, call, used_s, max(rounded_s, used_s), now_ms)


def void(account: Account, *, op: str, call: str, now_ms: int) -> tuple[Account, Settled | Conflict[Settled]]:
    """Resolve a call of which nothing was used."""
    return _resolve(account, op, ledger_asks.void(op, call), call, 0, 0, now_ms)


def _resolve(
    account: Account, op: str, print_: str, call: str, used_s: int, rounded_s: int, now_ms: int
) -> tuple[Account, Settled | Conflict[Settled]]:
    if (before := resolved_before(account, op, print_, call, now_ms)) is not None:
        return account, before
    book = opened(account, now_ms)
    held_s = account.call_held_s(call)
    charged_s = min(rounded_s, held_s)
    parts = book.holds.pop(call, ())
    returned_s, expired_s = book.spend(parts, charged_s, op, call)
    answer = Settled(charged_s, returned_s, max(0, used_s - held_s), expired_s)
    book.add_to_totals(spent_s=charged_s, expired_s=expired_s, overrun_s=answer.overrun_s)
    book.settlements[call] = Settlement(op, print_, answer, used_s, at_ms=now_ms)
    return _done(book, op, print_, answer)


def grant(
    account: Account, *, op: str, kind: Kind, seconds: int, now_ms: int, expires_at_ms: int | None = None
) -> tuple[Account, Granted | Refused | Conflict[Granted]]:
    """Put bonus or bought minutes in. Minutes of one kind and expiry are one bucket."""
    print_ = ledger_asks.grant(op, kind, seconds, expires_at_ms)
    if (before := done_before(account, op, print_, now_ms, Granted)) is not None:
        return account, before
    book = opened(account, now_ms)
    expires = expires_at_ms or NEVER_MS
    if expires != NEVER_MS and expires <= now_ms:
        return book.closed(), Refused(Why.EXPIRED, book.available_s)
    if not book.has_room(kind, expires):
        return book.closed(), Refused(Why.FULL, book.available_s)
    book.put(kind, expires, seconds)
    book.write(op, What(kind.value), "", kind, expires, seconds)
    book.add_to_totals(**{"bought_s" if kind is Kind.BOUGHT else "granted_s": seconds})
    return _done(book, op, print_, Granted(seconds, book.available_s))


def correct(
    account: Account, *, op: str, seconds: int, reason: str, now_ms: int, month: MonthGrant
) -> tuple[Account, Corrected | Refused | Conflict[Corrected]]:
    """The operator's own hand. Less than nothing is refused: a correction takes all of its seconds or none.

    What it adds is a bonus that does not expire; what it takes, it takes soonest expiry first, never from holds.
    """
    check_month(month)
    print_ = ledger_asks.correct(op, seconds, reason)
    if (before := done_before(account, op, print_, now_ms, Corrected)) is not None:
        return account, before
    book = opened(account, now_ms, month)
    if seconds > 0:
        if not book.has_room(Kind.BONUS, NEVER_MS):
            return book.closed(), Refused(Why.FULL, book.available_s)
        book.put(Kind.BONUS, NEVER_MS, seconds)
        book.write(op, What.CORRECTED, "", Kind.BONUS, NEVER_MS, seconds, reason)
    else:
        if book.available_s < -seconds:
            return book.closed(), Refused(Why.EMPTY, book.available_s)
        for part in book.take(-seconds):
            book.write(op, What.CORRECTED, "", part.kind, part.expires_at_ms, -part.seconds, reason)
    book.add_to_totals(corrected_s=seconds)
    return _done(book, op, print_, Corrected(seconds, book.available_s))


def refund(
    account: Account, *, op: str, call: str, seconds: int | None, now_ms: int
) -> tuple[Account, Refunded | Refused | Conflict[Refunded]]:
    """Give back what a call was charged, at most once in total; None: all that is left of it.

    It comes back as a bonus that does not expire: the bucket it was taken from may be long gone.
    """
    print_ = ledger_asks.refund(op, call, seconds)
    if (before := done_before(account, op, print_, now_ms, Refunded)) is not None:
        return account, before
    book = opened(account, now_ms)
    settlement = account.settlements.get(call)
    if settlement is None:
        return book.closed(), Refused(Why.UNKNOWN_CALL, book.available_s)
    left_s = settlement.answer.charged_s - settlement.refunded_s
    wanted_s = left_s if seconds is None else seconds
    if wanted_s == 0 or wanted_s > left_s:
        return book.closed(), Refused(Why.EMPTY, book.available_s)
    if not book.has_room(Kind.BONUS, NEVER_MS):
        return book.closed(), Refused(Why.FULL, book.available_s)
    book.put(Kind.BONUS, NEVER_MS, wanted_s)
    book.write(op, What.REFUNDED, call, Kind.BONUS, NEVER_MS, wanted_s)
    book.settlements[call] = replace(settlement, refunded_s=settlement.refunded_s + wanted_s)
    book.add_to_totals(refunded_s=wanted_s)
    return _done(book, op, print_, Refunded(wanted_s, book.available_s))


def touch(account: Account, *, now_ms: int, month: MonthGrant) -> tuple[Account, Balance]:
    """Write down what the calendar did, and tell the balance."""
    check_month(month)
    account = opened(account, now_ms, month).closed()
    return account, balance(account, now_ms=now_ms)


# ---- reading --------------------------------------------------------------------------------------------------------


def balance(account: Account, *, now_ms: int) -> Balance:
    """As it stands, less what has expired since. Changes nothing."""
    buckets = tuple(bucket for bucket in account.buckets if not bucket.has_expired(now_ms))
    available_s = sum(bucket.left_s for bucket in buckets)
    return Balance(available_s, account.held_s, buckets, account.month_key, len(account.holds), account.totals)


def statement(account: Account, cursor: str | None, limit: int) -> StatementPage:
    archived = account.opening.seq if account.opening else 0
    newest = archived + len(account.lines)
    upto = min(cursor_seq(cursor) or newest, newest)
    page = account.lines[max(0, upto - limit - archived) : max(0, upto - archived)][::-1]
    return StatementPage(page, next_cursor(page, archived))


def cursor_seq(cursor: str | None) -> int:
    """The seq of the first line of the page that the cursor names; 0: the newest there is."""
    if cursor is None:
        return 0
    if not cursor.isdecimal() or len(cursor) > 15 or not int(cursor):
        raise CallerError(f"cursor: not one that was given out: {cursor!r}")
    return int(cursor)


def next_cursor(page: tuple[Line, ...], archived: int) -> str | None:
    """`archived`: the seq of the last line that is not here any more."""
    return str(page[-1].seq - 1) if page and page[-1].seq > archived + 1 else None


# ---- the same operation once ----------------------------------------------------------------------------------------


def epoch(at_ms: int) -> int:
    return at_ms // OPS_KEPT_MS


def remembered(done: Mapping[str, Done], op: str, now_ms: int) -> Done | None:
    """This epoch's and its neighbours' operations: so each is kept for 35 to 70 days, whatever the clocks say."""
    found = done.get(op)
    return found if found is not None and abs(epoch(found.at_ms) - epoch(now_ms)) <= 1 else None


def done_before(account: Account, op: str, print_: str, now_ms: int, kind: type[A]) -> A | Conflict[A] | None:
    found = remembered(account.done, op, now_ms)
    return None if found is None else same_or_conflict(op, print_, found.fingerprint, found.answer, kind)


def same_or_conflict(op: str, print_: str, print_then: str, answer: Answer, kind: type[A]) -> A | Conflict[A]:
    if not isinstance(answer, kind):
        raise CallerError(f"operation {op} was something else: {type(answer).__name__}, not {kind.__name__}")
    return answer if print_ == print_then else Conflict(answer)


def resolved_before(
    account: Account, op: str, print_: str, call: str, now_ms: int
) -> Settled | Conflict[Settled] | None:
    """A call is resolved once, by whatever operation; another one gets the first one's answer as a conflict."""
    if (before := done_before(account, op, print_, now_ms, Settled)) is not None:
        return before
    first = account.settlements.get(call)
    if first is None:
        return None
    return first.answer if (first.op, first.fingerprint) == (op, print_) else Conflict(first.answer)


def merged(before: tuple[Part, ...], more: tuple[Part, ...]) -> tuple[Part, ...]:
    """Parts of one bucket are one part; new ones come last."""
    parts = {(part.kind, part.expires_at_ms): part for part in before}
    for part in more:
        key = (part.kind, part.expires_at_ms)
        had_s = parts[key].seconds if key in parts else 0
        parts[key] = replace(part, seconds=part.seconds + had_s)
    return tuple(parts.values())


def _done(book: Book, op: str, print_: str, answer: A) -> tuple[Account, A]:
    book.done[op] = Done(print_, answer, book.now_ms)
    return book.closed(), answer
