"""The dispute file: a line of CSV (RFC 4180) for each difference, with both sides. Knows no sums.

A bill is a stranger's text, and a spreadsheet takes a cell that begins with = + - or @ for a formula: such a one gets
a ' before it, unless it is a number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO

from ari_app.cells import guarded
from ari_app.domain.billing_match import NANO, Ours, Theirs
from ari_app.domain.units import decimal
from ari_app.trunk_tools.settlement import Difference

COLUMNS = (
    "class", "why", "number", "currency", "difference", "leg", "our_time", "our_duration_s", "our_billed_s", "our_rate",
    "our_cost", "line", "bill_time", "bill_duration_s", "bill_billed_s", "bill_rate", "bill_cost",
    "witness_answered_at", "witness_duration_s", "as_written",
)  # fmt: skip


def writer(file: BinaryIO) -> Callable[[Difference], None]:
    """Writes the header, and then each difference that it is given."""
    text = io.StringIO(newline="")
    rows = csv.writer(text)

    def write(cells: tuple[str, ...]) -> None:
        rows.writerow([guarded(cell) for cell in cells])
        file.write(text.getvalue().encode(errors="replace"))
        text.seek(0)
        text.truncate()

    write(COLUMNS)
    return lambda one: write(_cells(one))


def _cells(one: Difference) -> tuple[str, ...]:
    side = one.theirs or one.ours
    answered_ms, talk_ms = one.witness or (None, None)
    witness = "none" if one.witness and answered_ms is None else _time(answered_ms)
    return (
        one.what.value, one.why, side.number if side else "", one.currency, decimal(one.micro) if side else "",
        *_ours(one.ours), str(one.line or ""), *_theirs(one.theirs), witness, _s(talk_ms), one.raw,
    )  # fmt: skip


def _ours(ours: Ours | None) -> tuple[str, ...]:
    if ours is None:
        return ("",) * 6
    rate, cost = decimal(ours.price_micro_per_min), decimal(ours.cost_micro)
    return ours.leg, _time(ours.at_ms), _s(ours.talk_ms), str(ours.billed_s), rate, cost


def _theirs(theirs: Theirs | None) -> tuple[str, ...]:
    if theirs is None:
        return ("",) * 5
    rate = "" if theirs.rate_nano_per_min is None else decimal((theirs.rate_nano_per_min + NANO // 2) // NANO)
    billed = "" if theirs.billed_s is None else str(theirs.billed_s)
    return _time(theirs.at_ms), _s(theirs.duration_ms), billed, rate, decimal(theirs.cost_micro)


def _time(at_ms: int | None) -> str:
    """RFC 3339, UTC."""
    if at_ms is None:
        return ""
    at = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def _s(talk_ms: int | None) -> str:
    return "" if talk_ms is None else f"{talk_ms / 1000:g}" if talk_ms < 10**8 else str(talk_ms // 1000)
