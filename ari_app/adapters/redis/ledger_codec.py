"""Reads what the ledger's scripts write: answers, packed accounts, settlements, statement lines. Asks nothing."""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from ari_app.adapters.redis.wire import Reply
from ari_app.domain.errors import CallerError
from ari_app.ports.ledger import (
    Account,
    Bucket,
    Conflict,
    Corrected,
    Granted,
    Held,
    Kind,
    Line,
    Opening,
    Part,
    Refunded,
    Refused,
    Settled,
    Settlement,
    Totals,
    What,
    Why,
)

A = TypeVar("A", Held, Settled, Granted, Corrected, Refunded)

KINDS = (Kind.MONTH, Kind.BONUS, Kind.BOUGHT)
"""By their number in the scripts."""
_ANSWERS: dict[bytes, type] = {b"H": Held, b"S": Settled, b"G": Granted, b"C": Corrected, b"R": Refunded}
_WHATS = {
    "m": What.MONTH, "b": What.BONUS, "p": What.BOUGHT, "c": What.CORRECTED, "r": What.REFUNDED, "s": What.SPENT,
    "x": What.EXPIRED,
}  # fmt: skip

_LETTERS = {what: letter for letter, what in _WHATS.items()}


class _Packed(msgspec.Struct, array_like=True):
    """lua/account.inc.lua; the first version had neither `backed` nor `opening`."""

    version: int
    month_key: str
    month_granted_s: int
    totals: list[int]
    buckets: list[tuple[int, int, int, int]]
    holds: list[tuple[str | tuple[int, int, int], ...]]
    backed: int = 0
    opening: tuple[int, int, int, list[int]] | None = None


_decoder = msgspec.msgpack.Decoder(_Packed)


def answer(kind: type[A], op: str, reply: bytes) -> A | Refused | Conflict[A]:
    """Raises CallerError if the operation id was used for another kind of operation."""
    letter, *rest = reply.split(b" ")
    if letter == b"N":
        return Refused(Why(rest[0].decode()), int(rest[1]))
    is_conflict = letter == b"X"
    if is_conflict:
        letter, *rest = rest
    if _ANSWERS[letter] is not kind:
        raise CallerError(f"operation {op} was something else: {_ANSWERS[letter].__name__}, not {kind.__name__}")
    stands = kind(*map(int, rest))
    return Conflict(stands) if is_conflict else stands


def account(packed: bytes | None, settled: Sequence[bytes] = (), lines: Sequence[bytes] = ()) -> Account:
    settlements = {call.decode(): settlement(text) for call, text in zip(settled[::2], settled[1::2], strict=True)}
    a = _decoder.decode(packed) if packed is not None else _Packed(2, "", 0, [0] * 7, [], [])
    opening = Opening(*a.opening[:3], Totals(*a.opening[3])) if a.opening else None
    first = 1 + (opening.seq if opening else 0)
    return Account(
        a.month_key, a.month_granted_s, a.backed == 1,
        tuple(Bucket(KINDS[kind], expires, left_s, granted_s) for kind, expires, left_s, granted_s in a.buckets),
        dict(_hold(hold) for hold in a.holds), Totals(*a.totals),
        tuple(line(seq, text) for seq, text in enumerate(lines, start=first)), settlements, opening,
    )  # fmt: skip


def _hold(hold: Sequence[Reply]) -> tuple[str, tuple[Part, ...]]:
    call, *parts = hold
    return call, tuple(Part(KINDS[kind], expires, seconds) for kind, expires, seconds in parts)


def settlement(text: bytes) -> Settlement:
    op, print_, *numbers = text.decode().split("|")
    charged_s, returned_s, overrun_s, expired_s, used_s, refunded_s, *at_ms = map(int, numbers)
    return Settlement(op, print_, Settled(charged_s, returned_s, overrun_s, expired_s), used_s, refunded_s, *at_ms)


def settlement_text(one: Settlement) -> str:
    """As lua/settle-6.lua writes it."""
    a = one.answer
    numbers = (a.charged_s, a.returned_s, a.overrun_s, a.expired_s, one.used_s, one.refunded_s, one.at_ms)
    return "|".join((one.op, one.fingerprint, *map(str, numbers)))


def line_text(one: Line) -> str:
    """As lua/account.inc.lua writes it."""
    what, kind = _LETTERS[one.what], KINDS.index(one.kind)
    numbers = (one.seconds, one.balance_after_s, kind, one.expires_at_ms)
    return "|".join((str(one.at_ms), what, *map(str, numbers), one.op, one.call, one.note))


def line(seq: int, text: bytes) -> Line:
    at_ms, what, seconds, balance_s, kind, expires, op, call, note = text.decode().split("|", 8)
    return Line(
        seq, op, int(at_ms), _WHATS[what], call, KINDS[int(kind)], int(expires), int(seconds), int(balance_s), note
    )
