"""The words of the minute ledger: account, bucket, hold, settlement, statement line, and every answer.

Shapes only. All amounts are whole seconds, all times ms since the epoch. What may happen to them: ledger.py.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2s
from typing import Generic, TypeVar

from ari_app.domain.errors import CallerError

NEVER_MS = 0
"""The expiry of a bucket that has none."""
EXPIRES_MS_MAX = 10**14 - 1
"""The last expiry that a bucket may have, in the year 5138: the scripts write numbers of 14 digits exactly."""
SECONDS_MAX = 1_000_000_000
"""The most that one operation may move (31 years of talk): above it is a mistake."""
BUCKETS_MAX = 64
"""Buckets of one account; a grant with yet another expiry is refused."""
OPS_KEPT_MS = 35 * 86_400_000
"""An operation is remembered until the end of the epoch of this length after the one it was done in."""
NOTE_MAX = 200
_ID = re.compile(r"[A-Za-z0-9_.:+@=-]{1,128}")


class Kind(StrEnum):
    """What sort of minutes a bucket has. In this order where two expire together."""

    MONTH = "month"
    BONUS = "bonus"
    BOUGHT = "bought"


class What(StrEnum):
    """What a statement line tells."""

    MONTH = "month"
    BONUS = "bonus"
    BOUGHT = "bought"
    CORRECTED = "corrected"
    REFUNDED = "refunded"
    SPENT = "spent"
    EXPIRED = "expired"


class Why(StrEnum):
    EMPTY = "empty"  # nothing is available; for a correction or refund: less than what was to be taken
    LIVE_CALLS = "live_calls"  # the payer has as many calls as he may
    CLOSED = "closed"  # the call is settled or voided: no further hold for it
    EXPIRED = "expired"  # the grant would be expired at once
    FULL = "full"  # too many buckets
    UNKNOWN_CALL = "unknown_call"  # nothing to refund: no such settlement
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class MonthGrant:
    """This month's free minutes. An account is lifted to allowance_s - counted_s when it is touched.

    `counted_s` is what was granted this month to *others* who had the same phone number: moving a number moves no
    allowance. None: the user has no proved number yet, so nobody can say; as soon as he has one, what others were
    granted through it is taken back out of the month (never of what is held or spent).
    """

    key: str  # "2026-11"
    allowance_s: int
    ends_at_ms: int
    counted_s: int | None = 0
    why: str = ""  # the plan by which it is granted, for the line of the statement


@dataclass(frozen=True, slots=True)
class Bucket:
    """Minutes of one kind and expiry. What is held is not in `left_s`."""

    kind: Kind
    expires_at_ms: int  # NEVER_MS: it does not
    left_s: int
    granted_s: int  # ever put in, for show

    def has_expired(self, now_ms: int) -> bool:
        return self.expires_at_ms != NEVER_MS and self.expires_at_ms <= now_ms


@dataclass(frozen=True, slots=True)
class Part:
    """What a hold took of one bucket."""

    kind: Kind
    expires_at_ms: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Ever. granted + bought + corrected + refunded = available + held + spent + expired."""

    granted_s: int = 0  # month and bonus
    bought_s: int = 0
    corrected_s: int = 0  # may be negative
    refunded_s: int = 0
    spent_s: int = 0
    expired_s: int = 0
    overrun_s: int = 0  # talked beyond what was held: the operator pays


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the statement. The seconds of all lines up to one add up to its balance (available + held)."""

    seq: int  # from 1, no gaps; the oldest may be in the archive
    op: str
    at_ms: int
    what: What
    call: str
    kind: Kind
    expires_at_ms: int
    seconds: int
    balance_after_s: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    seconds: int  # taken by this operation
    call_held_s: int  # held for the call altogether after it
    available_s: int  # left for others after it


@dataclass(frozen=True, slots=True)
class Settled:
    charged_s: int
    returned_s: int  # back in its buckets
    overrun_s: int
    expired_s: int  # would have gone back, but its bucket expired meanwhile


@dataclass(frozen=True, slots=True)
class Granted:
    seconds: int
    available_s: int


@dataclass(frozen=True, slots=True)
class Corrected:
    seconds: int  # may be negative
    available_s: int


@dataclass(frozen=True, slots=True)
class Refunded:
    seconds: int
    available_s: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was taken. A refusal is not remembered: the same operation asked again is looked at anew."""

    why: Why
    available_s: int = 0


Answer = Held | Settled | Granted | Corrected | Refunded
A = TypeVar("A", bound=Answer, covariant=True)


@dataclass(frozen=True, slots=True)
class Conflict(Generic[A]):
    """The operation id was used for something else, or the call was resolved before. `stands` is what was done then."""

    stands: A

    @property
    def why(self) -> Why:
        return Why.CONFLICT


@dataclass(frozen=True, slots=True)
class Done:
    """A remembered operation."""

    fingerprint: str
    answer: Answer
    at_ms: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a call was resolved; kept as long as the statement."""

    op: str
    fingerprint: str
    answer: Settled
    used_s: int
    refunded_s: int = 0
    at_ms: int = 0  # 0: not known, of a settlement that was written before times were


@dataclass(frozen=True, slots=True)
class Opening:
    """What the lines told that are not kept here any more: they were moved to a file of the archive."""

    seq: int  # of the last of them
    until_ms: int  # all of them, and the settlements that went with them, are from before
    balance_s: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class Account:
    """All that is known of one payer's minutes. `buckets` stand in the order in which they are spent."""

    month_key: str = ""
    month_granted_s: int = 0
    is_month_backed: bool = False  # the month was granted through a proved number
    buckets: tuple[Bucket, ...] = ()
    holds: Mapping[str, tuple[Part, ...]] = field(default_factory=dict)
    totals: Totals = Totals()
    lines: tuple[Line, ...] = ()
    settlements: Mapping[str, Settlement] = field(default_factory=dict)
    opening: Opening | None = None
    done: Mapping[str, Done] = field(default_factory=dict)

    @property
    def available_s(self) -> int:
        return sum(bucket.left_s for bucket in self.buckets)

    @property
    def held_s(self) -> int:
        return sum(part.seconds for parts in self.holds.values() for part in parts)

    def call_held_s(self, call: str) -> int:
        return sum(part.seconds for part in self.holds.get(call, ()))


@dataclass(frozen=True, slots=True)
class Balance:
    available_s: int
    held_s: int
    buckets: tuple[Bucket, ...]
    month_key: str
    live_calls: int
    totals: Totals


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Newest first. `next_cursor` goes into the next question; None: there is no more."""

    lines: tuple[Line, ...]
    next_cursor: str | None


def fingerprint(*content: object) -> str:
    """Short and the same for the same content of an operation, in every process."""
    return blake2s("|".join(map(str, content)).encode(), digest_size=6).hexdigest()


def check_ids(**ids: str) -> None:
    """Ids go into keys and lines as they are: raises CallerError for one that could be misread there."""
    for name, value in ids.items():
        if not _ID.fullmatch(value):
            raise CallerError(f"{name}: 1 to 128 of A-Z a-z 0-9 _ . : + @ = - are allowed, not {value!r}")


def check_seconds(name: str, seconds: int, least: int = 0) -> None:
    if type(seconds) is not int or not least <= seconds <= SECONDS_MAX:  # no float, whatever its value; no bool
        raise CallerError(f"{name}: {least} to {SECONDS_MAX} seconds, a whole number, not {seconds!r}")


def check_month(month: MonthGrant) -> None:
    """The same for what the month grants: a mistake in a plan must not reach an account."""
    check_seconds("allowance_s", month.allowance_s)
    check_seconds("counted_s", month.counted_s or 0)
    check_expiry(month.ends_at_ms)
    if len(month.why) > NOTE_MAX or not (month.why.isprintable() or not month.why):
        raise CallerError(f"why: one line of at most {NOTE_MAX} characters is needed")


def check_expiry(at_ms: int) -> None:
    """Raises CallerError for a time that cannot be an expiry at all. One that has only just passed is refused later:
    the same grant asked again must have the same answer."""
    if at_ms <= NEVER_MS:
        raise CallerError("expires_at: a time after 1970 is needed")
    if at_ms > EXPIRES_MS_MAX:
        raise CallerError(
            "expires_at: a time before the year 5138 is needed; leave it out for minutes that never expire"
        )
