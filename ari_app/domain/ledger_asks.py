"""What may be asked of the ledger, checked and named: the same for every store. Raises CallerError for nonsense.

Each function gives the fingerprint by which the same operation is known again.
"""

from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import NEVER_MS, NOTE_MAX, Kind, check_expiry, check_ids, check_seconds, fingerprint
from ari_app.domain.units import Increment


def hold(op: str, call: str, want_s: int, increment: Increment) -> str:
    check_ids(op=op, call=call)
    check_seconds("want_s", want_s, least=1)
    return fingerprint("hold", call, want_s, increment)


def settle(op: str, call: str, used_s: int, rounded_s: int) -> str:
    check_ids(op=op, call=call)
    check_seconds("used_s", used_s)
    check_seconds("rounded_s", rounded_s)
    return fingerprint("settle", call, used_s, rounded_s)


def void(op: str, call: str) -> str:
    check_ids(op=op, call=call)
    return fingerprint("void", call)


def grant(op: str, kind: Kind, seconds: int, expires_at_ms: int | None) -> str:
    check_ids(op=op)
    check_seconds("seconds", seconds, least=1)
    if kind not in (Kind.BONUS, Kind.BOUGHT):
        raise CallerError(f"only bonus and bought minutes are granted, not {kind!r}")
    if expires_at_ms is not None:
        check_expiry(expires_at_ms)
    return fingerprint("grant", kind, seconds, expires_at_ms or NEVER_MS)


def correct(op: str, seconds: int, reason: str) -> str:
    check_ids(op=op)
    check_seconds("seconds", abs(seconds), least=1)
    if not 1 <= len(reason) <= NOTE_MAX or not reason.isprintable():
        raise CallerError(f"reason: one line of 1 to {NOTE_MAX} characters is needed")
    return fingerprint("correct", seconds, reason)


def refund(op: str, call: str, seconds: int | None) -> str:
    check_ids(op=op, call=call)
    if seconds is not None:
        check_seconds("seconds", seconds, least=1)
    return fingerprint("refund", call, seconds)
