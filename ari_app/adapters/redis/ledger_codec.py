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

_Packed = tuple[int, str, int, list[int], list[tuple[int, int, int, int]], list[tuple[str | tuple[int, int, int], ...]]]
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
    statement = tuple(line(seq, text) for seq, text in enumerate(lines, start=1))
    if packed is None:
        return Account(lines=statement, settlements=settlements)
    _version, month_key, month_granted_s, totals, buckets, holds = _decoder.decode(packed)
    return Account(
        month_key, month_granted_s,
        tuple(Bucket(KINDS[kind], expires, left_s, granted_s) for kind, expires, left_s, granted_s in buckets),
        dict(_hold(hold) for hold in holds), Totals(*totals), statement, settlements,
    )  # fmt: skip


def _hold(hold: Sequence[Reply]) -> tuple[str, tuple[Part, ...]]:
    call, *parts = hold
    return call, tuple(Part(KINDS[kind], expires, seconds) for kind, expires, seconds in parts)


def settlement(text: bytes) -> Settlement:
    op, print_, *numbers = text.decode().split("|")
    charged_s, returned_s, overrun_s, expired_s, used_s, refunded_s = map(int, numbers)
    return Settlement(op, print_, Settled(charged_s, returned_s, overrun_s, expired_s), used_s, refunded_s)


def line(seq: int, text: bytes) -> Line:
    at_ms, what, seconds, balance_s, kind, expires, op, call, note = text.decode().split("|", 8)
    return Line(
        seq, op, int(at_ms), _WHATS[what], call, KINDS[int(kind)], int(expires), int(seconds), int(balance_s), note
    )
