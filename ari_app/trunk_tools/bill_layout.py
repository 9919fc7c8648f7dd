"""What a bill looks like: the profile, and what it leaves open, by the bill's own first lines. Says what it took."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean
from ari_app.trunk_tools import bill_text
from ari_app.trunk_tools.bill_cells import Unreadable, duration_reader, number_reader, printable, time_reader
from ari_app.trunk_tools.bill_names import NEEDED, guess_columns
from ari_app.trunk_tools.bill_profile import AUTO, COLUMNS, Profile

SAMPLE = 200
TIMES = (
    "iso", "epoch_s", "epoch_ms", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y%m%d %H:%M:%S", "%Y%m%d%H%M%S",
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d-%m-%Y %H:%M:%S",
    "%m-%d-%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%d %b %Y %H:%M:%S",
)  # fmt: skip
DURATIONS = ("s", "hh:mm:ss", "mm:ss")
NUMBERS = ("e164", "digits", "00", "national")
T = TypeVar("T")


@dataclass(frozen=True)
class Layout:
    """How each line is to be read. `columns`: name → place. `took`: what nobody said, in words."""

    path: Path
    profile: Profile
    encoding: str
    separator: str
    columns: dict[str, int]
    number_format: str
    time_format: str
    duration_format: str
    billed_format: str
    decimal: str
    timezone: str
    region: str
    sample: tuple[bill_text.Row, ...]
    took: tuple[str, ...]

    @property
    def is_local(self) -> bool:
        """Whether its times are those of a clock on the wall, without an offset."""
        if self.time_format.startswith("epoch") or "%z" in self.time_format:
            return False
        offset = re.compile(r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
        return not any(offset.search(one.strip()) for one in when(self.sample, self.columns))

    def rows(self, advance: Callable[[int], None] = lambda _bytes: None) -> Iterable[bill_text.Row]:
        """Of calls, without the header."""
        skip = self.profile.skip_first, self.profile.skip_last
        rows = bill_text.rows(self.path, self.encoding, self.separator, *skip, advance)
        return islice(rows, 1, None) if self.profile.header else rows

    def with_number_format(self, is_known: Callable[[str], bool]) -> Layout:
        """Where it is open: the one by which the most numbers of the first lines are known."""
        if self.number_format != AUTO:
            return self
        cells = _cells(self.sample, self.columns["number"])
        strip = self.profile.number_strip

        def fit(form: str) -> tuple[int, int]:
            read = [one for one in (_read(number_reader(form, strip, self.region), cell) for cell in cells) if one]
            return sum(map(is_known, read)), len(read)

        form = max(NUMBERS, key=fit)
        return replace(self, number_format=form, took=(*self.took, f"numbers: {form}"))


def layout_of(path: Path, profile: Profile, timezone: str, region: str) -> Layout:
    """`timezone`, `region`: where the profile does not say. Raises Mistakes and OSError."""
    zone, country = profile.timezone or timezone, profile.region or region
    took = []
    encoding = profile.encoding
    if encoding == AUTO:
        encoding = bill_text.encoding_of(path, country)
        took.append(f"encoding: {encoding}")
    separator = "\t" if profile.separator == "tab" else profile.separator
    if separator == AUTO:
        first = bill_text.rows(path, encoding, ",", profile.skip_first)
        separator = bill_text.separator_of([row.raw for row in islice(first, 20)])
        took.append(f"separator: {'tab' if separator == chr(9) else separator}")
    rows = bill_text.rows(path, encoding, separator, profile.skip_first, profile.skip_last)
    sample = tuple(islice(rows, SAMPLE + profile.header))
    if not sample:
        raise Mistakes([Mistake(str(path), "there are no lines in it")])
    head, sample = (sample[0], sample[1:]) if profile.header else (None, sample)
    columns = _columns(head, len(sample[0].cells or ()) if sample else 0, profile, path)
    if "date" not in profile.given and not _is_clock_alone(_cells(sample, columns["time"])):
        columns.pop("date", None)
    took += [f'{name}: column "{_title(head, at)}"' for name, at in columns.items() if name not in profile.given]
    found = Layout(
        path, profile, encoding, separator, columns, profile.number_format, profile.time_format,
        profile.duration_format, profile.duration_format, profile.decimal, zone, country, sample, tuple(took),
    )  # fmt: skip
    return _with_formats(found, head)


def _title(head: bill_text.Row | None, at: int) -> str:
    return printable(head.cells[at]) if head and head.cells and at < len(head.cells) else f"#{at + 1}"


def _all(titles: Sequence[str]) -> str:
    return ", ".join(map(printable, titles))[:300]


def _columns(head: bill_text.Row | None, width: int, profile: Profile, path: Path) -> dict[str, int]:
    """Every mistake at once."""
    titles = [cell.strip() for cell in (head.cells or ())] if head else []
    found, wrong = dict[str, int](), list[Mistake]()
    for name in COLUMNS:
        asked = getattr(profile, name)
        if not asked:
            continue
        at = _place(asked, titles, width)
        if at is None:
            near = did_you_mean(asked, map(printable, titles)) or (f"; it has {_all(titles)}" if titles else "")
            wrong.append(Mistake(profile.file or str(path), f'{name}: the bill has no column "{asked}"{near}'))
        else:
            found[name] = at
    guessed = guess_columns(titles, set(profile.given) | found.keys(), set(found.values()))
    found = {name: (found | guessed)[name] for name in COLUMNS if name in found | guessed}
    place = f"{path}:{head.line}" if head else str(path)
    asked_for = {fault.what.partition(":")[0] for fault in wrong}
    for names in NEEDED:
        if not any(name in found or name in asked_for for name in names):
            has = f"the columns are {_all(titles)}" if titles else "no header names any"
            wrong.append(
                Mistake(place, f"no column for {' or '.join(names)} is to be found ({has}); name it in a profile")
            )
    if wrong:
        raise Mistakes(wrong)
    return found


def _is_clock_alone(cells: Sequence[str]) -> bool:
    """10:15:00, with the day in another column."""
    return sum(bool(re.match(r"\s*[0-9]{1,2}:", cell)) for cell in cells) * 2 > len(cells)


def _place(asked: str, titles: Sequence[str], width: int) -> int | None:
    by_number = re.fullmatch(r"#([1-9][0-9]{0,3})", asked)
    if by_number:
        at = int(by_number[1]) - 1
        return at if at < max(len(titles), width) else None
    folded = [title.casefold() for title in titles]
    return folded.index(asked.casefold()) if asked.casefold() in folded else None


# ---- how the values are written -------------------------------------------------------------------------------------


def _with_formats(layout: Layout, head: bill_text.Row | None) -> Layout:
    changes, took = dict[str, str](), list[str]()
    if layout.time_format == AUTO:
        changes["time_format"] = _time_format(layout)
        took.append(f"times: {changes['time_format']}")
    for name in ("duration", "billed"):
        if name in layout.columns and layout.profile.duration_format == AUTO:
            title = _title(head, layout.columns[name])
            changes[f"{name}_format"] = form = _duration_format(layout, name, title)
            took.append(f"{name}: in {form}")
    if layout.decimal == AUTO:
        changes["decimal"] = _decimal(layout)
        took.append(f"decimals: after a {changes['decimal']}")
    return replace(layout, **changes, took=(*layout.took, *took))  # type: ignore[arg-type]  # text, all of them


def _time_format(layout: Layout) -> str:
    """The one that reads the most. Two that read the same lines as different times: nobody can tell."""
    cells = when(layout.sample, layout.columns)
    read = {form: [_read(time_reader(form, layout.timezone), cell) for cell in cells] for form in TIMES}
    best = max(TIMES, key=lambda form: sum(at is not None for at in read[form]))
    count = sum(at is not None for at in read[best])
    rivals = [form for form in TIMES if sum(at is not None for at in read[form]) == count and read[form] != read[best]]
    if count and rivals:
        what = f"the times may be {best} or {rivals[0]}: say time_format in a profile"
        raise Mistakes([Mistake(str(layout.path), what)])
    return best


def when(rows: Sequence[bill_text.Row], columns: dict[str, int]) -> list[str]:
    times = _cells(rows, columns["time"])
    if "date" not in columns:
        return times
    return [f"{day.strip()} {time.strip()}" for day, time in zip(_cells(rows, columns["date"]), times, strict=True)]


def _duration_format(layout: Layout, name: str, title: str) -> str:
    cells = _cells(layout.sample, layout.columns[name])
    if re.search(r"\bms\b|milli|毫秒", title, re.IGNORECASE):
        return "ms"
    if re.search(r"\bmin(ute)?s?\b|分钟", title, re.IGNORECASE) and not any(":" in cell for cell in cells):
        return "min"
    return max(DURATIONS, key=lambda form: sum(_read(duration_reader(form), cell) is not None for cell in cells))


def _decimal(layout: Layout) -> str:
    cells = [cell for name in ("cost", "rate") if name in layout.columns for cell in
             _cells(layout.sample, layout.columns[name])]  # fmt: skip
    points = sum(bool(re.search(r"\.[0-9]+\D*$", cell)) for cell in cells)
    commas = sum(bool(re.search(r",[0-9]+\D*$", cell)) for cell in cells)
    return "comma" if commas > points else "point"


def _cells(rows: Sequence[bill_text.Row], at: int) -> list[str]:
    return [row.cells[at] if row.cells and at < len(row.cells) else "" for row in rows]


def _read(reader: Callable[[str], T], cell: str) -> T | None:
    try:
        return reader(cell)
    except Unreadable:
        return None
