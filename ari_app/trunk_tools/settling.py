"""`ringbridge settle`: a carrier's bill laid beside our own legs, from the files to the sums. Streams: neither a month
of legs nor a bill of a million lines is ever in the memory. What is the same, domain/billing_match.py knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median_low
from zoneinfo import ZoneInfo

from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.domain.billing_match import USUAL, Class, Ours, Terms, Theirs
from ari_app.domain.costing import LegCost, days_of
from ari_app.domain.plans import Month, month_of
from ari_app.domain.units import Increment
from ari_app.trunk_tools.bill_cells import Unreadable, time_reader
from ari_app.trunk_tools.bill_clocks import Twice, cluster_of, twice_in
from ari_app.trunk_tools.bill_file import Bad, LeftOut, Read, cost_step_micro, lines, step_of
from ari_app.trunk_tools.bill_layout import Layout, layout_of, when
from ari_app.trunk_tools.bill_profile import AUTO, Profile
from ari_app.trunk_tools.bill_sheet import Sheet, batches
from ari_app.trunk_tools.bill_sides import Sides
from ari_app.trunk_tools.bill_witness import Witness, files_of
from ari_app.trunk_tools.settlement import MISTAKES_SHOWN, Difference, Settlement

DAY_MS = 86_400_000
NEIGHBOURS_DAYS = 2
"""Of the months beside: a call over the turn of the month, and a bill whose month turns elsewhere."""
CENTS = 2
"""Decimals. A bill that writes fewer, such as 0.1, may have left zeros out: it is not believed to round to them."""
CLOCK_MS = 300_000
"""A clock may be so wrong; more is another time zone, or another time of the call."""
ODD_LINES = 100
"""One line in so many may have more decimals than the bill otherwise writes."""

Bar = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""A bar with its name and total; what it gives is called with each step."""


@dataclass(frozen=True)
class Asked:
    """`timezone`, `region`: the settings'. `month`: such as 2026-11; "": the bill's own."""

    bill: Path
    trunk: str
    timezone: str
    region: str
    profile: Profile = field(default_factory=Profile)
    month: str = ""
    cel: tuple[Path, ...] = ()


def no_bar(_what: str, _total: int) -> AbstractContextManager[Callable[[int], None]]:
    return nullcontext(lambda _step: None)


def settle(
    asked: Asked, legs: Callable[[Sequence[str]], Iterable[LegCost]],
    differ: Callable[[Difference], None] = lambda _one: None, bar: Bar = no_bar,
) -> Settlement:  # fmt: skip
    """`legs`: those of the trunk on these days, by the operator's clock. `differ` gets each difference.

    Raises Mistakes (the bill or what it is read by), OSError, and what `legs` raises.
    """
    record = {file: file.stat().st_size for file in files_of(asked.cel)}
    layout = layout_of(asked.bill, asked.profile, asked.timezone, asked.region)
    month = _month(asked, layout)
    settlement = Settlement(asked.trunk, month.key)
    with Sheet() as sheet:
        _fill_ours(sheet, legs, month, asked, bar, settlement)
        layout = layout.with_number_format(sheet.is_known)
        settlement.took = layout.took
        twice = twice_in(layout.timezone, month.starts_at_ms - DAY_MS, month.ends_at_ms + DAY_MS)
        terms = _fill_theirs(sheet, layout, settlement, differ, bar, twice if layout.is_local else [])
        witness = _fill_seen(sheet, record, asked.trunk, bar)
        settlement.skew_ms = _skew_ms(sheet, terms, layout, settlement)
        terms = replace(terms, increments=_increments(sheet, asked.profile))
        sides = Sides(sheet, witness, terms, settlement, differ, month)
        with bar("comparing", sum(sheet.counts())) as advance:
            sides.compare(advance)
    return settlement


def _month(asked: Asked, layout: Layout) -> Month:
    """By the bill's clock."""
    key = asked.month
    if not key:
        read, cells = time_reader(layout.time_format, layout.timezone), when(layout.sample, layout.columns)
        times = [at for cell in cells if (at := _time(read, cell)) is not None]
        if not times:
            what = "no time of its first lines can be read: say which month, or time and time_format in a profile"
            raise Mistakes([Mistake(str(asked.bill), what)])
        return month_of(median_low(times), layout.timezone)
    middle = datetime.fromisoformat(f"{key}-15").replace(tzinfo=ZoneInfo(layout.timezone))
    return month_of(int(middle.timestamp()) * 1000, layout.timezone)


def _time(read: Callable[[str], int], cell: str) -> int | None:
    try:
        return read(cell)
    except Unreadable:
        return None


# ---- the three sides ------------------------------------------------------------------------------------------------


def _fill_ours(
    sheet: Sheet, legs: Callable[[Sequence[str]], Iterable[LegCost]], month: Month, asked: Asked, bar: Bar,
    settlement: Settlement,
) -> None:  # fmt: skip
    is_start = asked.profile.time_is == "start"
    with bar("our legs", 0) as advance:
        for batch in batches(_ours(leg, month, is_start) for leg in legs(_days(month))):
            sheet.add_ours(batch)
            advance(len(batch))
    sheet.index()
    if not sheet.counts()[0]:
        settlement.notes.append(f"no leg of {asked.trunk} is known in {month.key}: is the name of the trunk right?")


def _days(month: Month) -> list[str]:
    days = [datetime.fromisoformat(day) for day in days_of(month.key)]
    beside = [timedelta(days=n) for n in range(1, NEIGHBOURS_DAYS + 1)]
    days = [*(days[0] - n for n in reversed(beside)), *days, *(days[-1] + n for n in beside)]
    return [f"{day:%Y-%m-%d}" for day in days]


def _ours(leg: LegCost, month: Month, is_start: bool) -> Ours:
    at_ms = leg.dialled_at_ms if is_start else leg.at_ms
    return Ours(
        leg.number, at_ms, leg.leg, leg.answered_at_ms is not None, leg.talk_ms, leg.price_micro_per_min,
        leg.increment, leg.currency, leg.cost_micro, month.starts_at_ms <= at_ms < month.ends_at_ms,
    )  # fmt: skip


def _fill_theirs(
    sheet: Sheet, layout: Layout, settlement: Settlement, differ: Callable[[Difference], None], bar: Bar,
    twice: Sequence[Twice],
) -> Terms:  # fmt: skip
    """What is read goes to the sheet, what is not to the dispute file. Raises Mistakes where that is most of it."""
    cost_decimals, rate_decimals, bad = [0] * 20, [0] * 20, 0

    def good() -> Iterator[Read]:
        nonlocal bad
        for one in lines(layout, advance):
            match one:
                case LeftOut():
                    settlement.left_out += 1
                case Bad(line, why, raw):
                    bad += 1
                    settlement.add_unreadable(line, why)
                    differ(Difference(Class.UNREADABLE, why, "", 0, line=line, raw=raw))
                case Read():
                    cost_decimals[one.cost_decimals] += 1
                    rate_decimals[one.rate_decimals] += 1
                    yield one

    with bar("reading the bill", layout.path.stat().st_size) as advance:
        for batch in batches(good()):
            sheet.add_theirs(_placed(one.theirs, twice, sheet) for one in batch)
            settlement.lines += len(batch)
    if bad > settlement.lines:
        raise _wholly_wrong(layout, settlement, bad)
    profile = layout.profile
    written = _usual(cost_decimals)
    rounded = max(written, CENTS) if profile.cost_decimals == AUTO else int(profile.cost_decimals)
    return Terms(
        profile.time_tolerance_ms, profile.duration_tolerance_ms, cost_step_micro(written), cost_step_micro(rounded),
        step_of(_usual(rate_decimals), 60 if profile.rate_per == "s" else 1),
    )  # fmt: skip


def _placed(line: Theirs, twice: Sequence[Twice], sheet: Sheet) -> Theirs:
    """In the hour that the clocks show twice, the one of both times that is nearer to a leg of ours."""
    for hour in twice:
        if hour.from_ms <= line.at_ms < hour.until_ms:
            times = (line.at_ms, line.at_ms + hour.by_ms)
            return line._replace(at_ms=min(times, key=lambda at_ms: sheet.nearest_ms(line.number, at_ms)))
    return line


def _wholly_wrong(layout: Layout, settlement: Settlement, bad: int) -> Mistakes:
    file = str(layout.path)
    found = [Mistake(f"{file}:{line}", why) for line, why in settlement.unreadable]
    if bad > MISTAKES_SHOWN:
        found.append(Mistake(file, f"and {bad - MISTAKES_SHOWN} more"))
    took = f"; taken: {', '.join(layout.took)}" if layout.took else ""
    what = f"{bad} of {bad + settlement.lines} lines cannot be read: say in a profile how it is written{took}"
    return Mistakes([*found, Mistake(file, what)])


def _usual(decimals: Sequence[int]) -> int:
    """As many as all but a few lines have at most."""
    few = sum(decimals) // ODD_LINES
    return next((n for n in range(len(decimals)) if sum(decimals[n + 1 :]) <= few), 0)


def _fill_seen(sheet: Sheet, record: Mapping[Path, int], trunk: str, bar: Bar) -> Witness | None:
    """`record`: the files of Asterisk's record, and how long each is."""
    if not record:
        return None
    witness = Witness()
    with bar("Asterisk's record", sum(record.values())) as advance:
        witness.read(list(record), trunk, sheet, advance)
    return witness


def _increments(sheet: Sheet, profile: Profile) -> tuple[Increment, ...]:
    own = (Increment.parse(text) for text in (*sheet.increments(), *profile.increments))
    return tuple(dict.fromkeys((*own, *USUAL)))


def _skew_ms(sheet: Sheet, terms: Terms, layout: Layout, settlement: Settlement) -> int:
    """How far the bill's clock is ahead of ours. Raises Mistakes where it is so far that it is another time zone."""
    found = cluster_of(sheet.apart_ms(terms.duration_tolerance_ms))
    if found is None:
        return 0
    skew_ms, share = found
    if abs(skew_ms) <= max(terms.time_tolerance_ms, CLOCK_MS):
        return skew_ms
    away = f"{timedelta(seconds=abs(skew_ms) // 1000)} {'ahead of' if skew_ms > 0 else 'behind'} ours"
    what = f"its times are {away} (read as {layout.timezone}, by {layout.time_format})"
    if share >= 0.5:
        hint = "set timezone, time_is or time_tolerance_s in a profile"
        raise Mistakes([Mistake(str(layout.path), f"{what}: {hint}")])
    settlement.notes.append(f"of some lines {what}: are timezone and time_is right?")
    return 0
