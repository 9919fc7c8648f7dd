"""An account while one operation is on it: buckets, holds and lines being changed, then closed into a new Account.

Knows the calendar (what expires, what the month grants) and the order of spending; knows no operation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ari_app.domain.ledger_types import (
    BUCKETS_MAX,
    NEVER_MS,
    Account,
    Bucket,
    Kind,
    Line,
    MonthGrant,
    Part,
    What,
)

TAKEN_BACK = "granted already to another user of the number"
_ORDER = {Kind.MONTH: 0, Kind.BONUS: 1, Kind.BOUGHT: 2}


def opened(account: Account, now_ms: int, month: MonthGrant | None = None) -> Book:
    """Ready for one operation: what has expired is out, and the month's free minutes are in."""
    book = Book(account, now_ms)
    book.expire()
    if month is not None:
        book.raise_to(month)
    return book


class Book:
    def __init__(self, account: Account, now_ms: int) -> None:
        self.now_ms = now_ms
        self.holds = dict(account.holds)
        self.settlements = dict(account.settlements)
        self.done = dict(account.done)
        self._account = account
        self._month_key, self._month_granted_s = account.month_key, account.month_granted_s
        self._is_month_backed = account.is_month_backed
        self._buckets = list(account.buckets)
        self._totals = account.totals
        self._lines = list(account.lines)
        self._seq = len(account.lines) + (account.opening.seq if account.opening else 0)
        self._balance_s = account.available_s + account.held_s

    @property
    def available_s(self) -> int:
        return sum(bucket.left_s for bucket in self._buckets)

    # ---- the calendar -----------------------------------------------------------------------------------------------

    def expire(self) -> None:
        self._end(bucket for bucket in self._buckets if bucket.has_expired(self.now_ms))

    def _end(self, buckets: Iterable[Bucket]) -> None:
        gone = list(buckets)
        self._buckets = [bucket for bucket in self._buckets if bucket not in gone]
        for bucket in gone:
            if bucket.left_s > 0:
                self.write("calendar", What.EXPIRED, "", bucket.kind, bucket.expires_at_ms, -bucket.left_s)
                self.add_to_totals(expired_s=bucket.left_s)

    def raise_to(self, month: MonthGrant) -> None:
        """Monotone in month and allowance: a stale or a repeated grant does nothing, a smaller one takes nothing.

        What is left of an older month ends with it, also where the time zone was another one then. Only once a month
        something is taken back: when the user proves his first number, and others were granted minutes through it. From
        then on a grant that knows of no number is a stale one.
        """
        if month.key < self._month_key or month.ends_at_ms <= self.now_ms:
            return
        is_new = month.key > self._month_key
        if is_new:
            self._end(bucket for bucket in self._buckets if bucket.kind is Kind.MONTH)
        is_backed = self._is_month_backed and not is_new
        if is_backed and month.counted_s is None:
            return
        granted_s = 0 if is_new else self._month_granted_s
        if month.counted_s is not None and not is_backed:
            granted_s -= self._take_back(month.key, min(granted_s, month.counted_s))
            is_backed = True
        more_s = max(0, month.allowance_s - (month.counted_s or 0) - granted_s)
        self._month_key, self._month_granted_s = month.key, granted_s + more_s
        self._is_month_backed = is_backed
        if more_s > 0:
            self.put(Kind.MONTH, month.ends_at_ms, more_s)
            self._write_month(month.key, month.ends_at_ms, more_s, month.why)

    def _take_back(self, key: str, seconds: int) -> int:
        """Out of what is left of the month, whenever it ends: how much it was."""
        taken_s = 0
        for at, bucket in enumerate(self._buckets):
            back_s = min(seconds - taken_s, bucket.left_s) if bucket.kind is Kind.MONTH else 0
            if back_s > 0:
                self._buckets[at] = replace(bucket, left_s=bucket.left_s - back_s, granted_s=bucket.granted_s - back_s)
                self._write_month(key, bucket.expires_at_ms, -back_s, TAKEN_BACK)
                taken_s += back_s
        return taken_s

    def _write_month(self, key: str, ends_at_ms: int, seconds: int, why: str) -> None:
        self.write("calendar", What.MONTH, "", Kind.MONTH, ends_at_ms, seconds, f"{key} {why}".rstrip())
        self.add_to_totals(granted_s=seconds)

    # ---- buckets ----------------------------------------------------------------------------------------------------

    def has_room(self, kind: Kind, expires_at_ms: int) -> bool:
        return len(self._buckets) < BUCKETS_MAX or self._find(kind, expires_at_ms) is not None

    def put(self, kind: Kind, expires_at_ms: int, seconds: int, *, is_new: bool = True) -> None:
        """Into the bucket of that kind and expiry, in its place in the order of spending."""
        granted_s = seconds if is_new else 0
        found = self._find(kind, expires_at_ms)
        if found is not None:
            bucket = self._buckets[found]
            self._buckets[found] = replace(
                bucket, left_s=bucket.left_s + seconds, granted_s=bucket.granted_s + granted_s
            )
            return
        self._buckets.append(Bucket(kind, expires_at_ms, seconds, max(granted_s, seconds)))
        self._buckets.sort(key=lambda b: (b.expires_at_ms == NEVER_MS, b.expires_at_ms, _ORDER[b.kind]))

    def take(self, seconds: int) -> tuple[Part, ...]:
        """Soonest expiry first; the caller has made sure that there is enough."""
        parts = []
        for at, bucket in enumerate(self._buckets):
            taken_s = min(bucket.left_s, seconds)
            if taken_s > 0:
                self._buckets[at] = replace(bucket, left_s=bucket.left_s - taken_s)
                parts.append(Part(bucket.kind, bucket.expires_at_ms, taken_s))
                seconds -= taken_s
        assert seconds == 0, "more was taken than there is"
        return tuple(parts)

    def spend(self, parts: Iterable[Part], charged_s: int, op: str, call: str) -> tuple[int, int]:
        """Spend charged_s of what was held, soonest expiry first, give the rest back: (returned_s, expired_s)."""
        returned_s = expired_s = 0
        for part in sorted(parts, key=lambda p: (p.expires_at_ms == NEVER_MS, p.expires_at_ms, _ORDER[p.kind])):
            spent_s = min(part.seconds, charged_s)
            charged_s -= spent_s
            rest_s = part.seconds - spent_s
            if spent_s > 0:
                self.write(op, What.SPENT, call, part.kind, part.expires_at_ms, -spent_s)
            if rest_s > 0 and part.expires_at_ms != NEVER_MS and part.expires_at_ms <= self.now_ms:
                self.write(op, What.EXPIRED, call, part.kind, part.expires_at_ms, -rest_s)
                expired_s += rest_s
            elif rest_s > 0:
                self.put(part.kind, part.expires_at_ms, rest_s, is_new=False)
                returned_s += rest_s
        return returned_s, expired_s

    def _find(self, kind: Kind, expires_at_ms: int) -> int | None:
        for at, bucket in enumerate(self._buckets):
            if bucket.kind is kind and bucket.expires_at_ms == expires_at_ms:
                return at
        return None

    # ---- writing ----------------------------------------------------------------------------------------------------

    def add_to_totals(self, **seconds: int) -> None:
        changed = {name: getattr(self._totals, name) + more_s for name, more_s in seconds.items()}
        self._totals = replace(self._totals, **changed)

    def write(
        self, op: str, what: What, call: str, kind: Kind, expires_at_ms: int, seconds: int, note: str = ""
    ) -> None:
        self._balance_s += seconds
        self._seq += 1
        self._lines.append(
            Line(self._seq, op, self.now_ms, what, call, kind, expires_at_ms, seconds, self._balance_s, note)
        )

    def closed(self) -> Account:
        """An empty bucket goes, unless it is the month's (its expiry is of interest) or a hold may come back to it."""
        named = {(part.kind, part.expires_at_ms) for parts in self.holds.values() for part in parts}
        kept = (
            bucket for bucket in self._buckets
            if bucket.left_s > 0 or bucket.kind is Kind.MONTH or (bucket.kind, bucket.expires_at_ms) in named
        )  # fmt: skip
        return Account(
            self._month_key, self._month_granted_s, self._is_month_backed, tuple(kept), self.holds, self._totals,
            tuple(self._lines), self.settlements, self._account.opening, self.done,
        )  # fmt: skip
