"""The lines of a bill as what they say: each is Theirs, or told why it cannot be read. Streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ari_app.domain.billing_match import NANO, Theirs
from ari_app.trunk_tools.bill_cells import (
    Unreadable,
    amount_reader,
    duration_reader,
    micro_of,
    number_reader,
    said,
    time_reader,
)
from ari_app.trunk_tools.bill_layout import Layout
from ari_app.trunk_tools.bill_text import Row


class Bad(NamedTuple):
    line: int
    why: str
    raw: str


class LeftOut(NamedTuple):
    """No call of ours to the carrier, by its direction."""

    line: int


class Read(NamedTuple):
    theirs: Theirs
    cost_decimals: int
    rate_decimals: int


def line_reader(layout: Layout) -> Callable[[Row], Read | Bad | LeftOut]:
    """`layout` has its number format."""
    at, profile = layout.columns, layout.profile
    width = 1 + max(at.values())
    number = number_reader(layout.number_format, profile.number_strip, layout.region)
    time = time_reader(layout.time_format, layout.timezone)
    talk, billed = duration_reader(layout.duration_format), duration_reader(layout.billed_format)
    amount = amount_reader(layout.decimal)
    directions = {one.casefold() for one in profile.direction_is}
    rate_unit = 60 if profile.rate_per == "s" else 1
    number_at, time_at, date_at, cost_at = at["number"], at["time"], at.get("date"), at["cost"]
    duration_at, billed_at, rate_at = at.get("duration"), at.get("billed"), at.get("rate")
    currency_at, direction_at = at.get("currency"), at.get("direction")

    def read(row: Row) -> Read | Bad | LeftOut:
        cells = row.cells
        if cells is None or len(cells) < width:
            return Bad(row.line, _shape(row, width), row.raw)
        if direction_at is not None and directions and cells[direction_at].strip().casefold() not in directions:
            return LeftOut(row.line)
        try:
            cost = amount(cells[cost_at])
            rate = amount(cells[rate_at]) if rate_at is not None and cells[rate_at].strip() else None
            when = cells[time_at] if date_at is None else f"{cells[date_at].strip()} {cells[time_at].strip()}"
            charged_ms = None if billed_at is None else billed(cells[billed_at])
            theirs = Theirs(
                number(cells[number_at]), time(when), None if duration_at is None else talk(cells[duration_at]),
                None if charged_ms is None else -(-charged_ms // 1000), micro_of(cost),
                None if rate is None else rate.nano * rate_unit,
                "" if currency_at is None else _currency(cells[currency_at]), row.line,
            )  # fmt: skip
        except Unreadable as why:
            return Bad(row.line, str(why), row.raw)
        return Read(theirs, cost.decimals, rate.decimals if rate else 0)

    return read


def lines(layout: Layout, advance: Callable[[int], None] = lambda _bytes: None) -> Iterator[Read | Bad | LeftOut]:
    """Raises OSError."""
    return map(line_reader(layout), layout.rows(advance))


def step_of(decimals: int, rate_unit: int = 1) -> int:
    """The value of the last digit, in billionths."""
    return int(10 ** max(0, 9 - decimals)) * rate_unit


def cost_step_micro(decimals: int) -> int:
    return max(1, step_of(decimals) // NANO)


def _shape(row: Row, width: int) -> str:
    if row.cells is None:
        return "cannot be taken apart: a quote that is not closed, or too long a line"
    return f"has {len(row.cells)} columns; expected {width} at least"


def _currency(cell: str) -> str:
    text = cell.strip().upper()
    if not (len(text) == 3 and text.isascii() and text.isalpha()) and text:
        raise Unreadable(f"{said(cell)} is no currency such as CNY")
    return text
