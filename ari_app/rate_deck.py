"""A carrier's price deck: CSV, as carriers send it, read into rates; every mistake told at once with its line.

Knows no trunk. A price is exact to the millionth, and nothing is guessed: what could be read in two ways is a mistake.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from ari_app.config.kinds import Unfit, price, rounding
from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean
from ari_app.config.texts import bounded_text, check_text, lines_of
from ari_app.domain.rates import Deck, Rate

BYTES_MAX = 50_000_000
LINES_MAX = 1_000_000
MISTAKES_MAX = 50
"""Told of one deck; of more than that, how many there are."""
SHOWN_MAX = 40
COLUMNS = ("prefix", "price", "increment", "initial", "next", "valid_from")
PASSED_OVER = frozenset({"destination", "country", "name", "network", "operator", "comment", "description", ""})
"""Columns that carriers add for people."""
EVERY = "*"  # in the prefix column: for every number
PREFIX = re.compile(r"\+?([1-9][0-9]{0,14})")
DAY = re.compile(r"(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(DAY.pattern + r"[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
MOMENT_WORDS = "a day such as 2026-12-01, or a time such as 2026-12-01T00:00:00+08:00"
PREFIX_WORDS = f"a beginning such as +8613 or 8613, no 0 before the country's code, or {EVERY} for every number"

T = TypeVar("T")


def load_deck(path: str | Path, *, timezone: str, increment: str = "60/60") -> Deck:
    """Raises Mistakes, also where it cannot be read. `timezone`: in which a day begins. `increment`: of lines that
    give none."""
    return parse_deck(bounded_text(path, BYTES_MAX), str(path), timezone=timezone, increment=increment)


def parse_deck(content: str, file: str, *, timezone: str, increment: str = "60/60") -> Deck:
    """Raises Mistakes."""
    check_text(content, file)
    lines = lines_of(content)
    if len(lines) > LINES_MAX:
        raise Mistakes([Mistake(f"{file}:{LINES_MAX + 1}", f"too many lines; expected at most {LINES_MAX:,}")])
    return _Reading(file, ZoneInfo(timezone), increment).read(lines)


@dataclass
class _Reading:
    file: str
    zone: ZoneInfo
    increment: str
    found: list[Mistake] = field(default_factory=list)
    more: int = 0  # mistakes that are not told one by one
    seen: dict[tuple[str, int], int] = field(default_factory=dict)  # (prefix, from) → line

    def read(self, lines: Sequence[str]) -> Deck:
        at, head = next(((n, line) for n, line in enumerate(lines, 1) if not _is_passed_over(line)), (0, ""))
        if not at:
            raise Mistakes([Mistake(self.file, "no line here; expected the header prefix,price,increment,valid_from")])
        separator = max(",;\t", key=head.count)
        columns = self._columns(head, separator, at)
        rates = [rate for n, line in enumerate(lines[at:], at + 1)
                 if not _is_passed_over(line) and (rate := self._rate(line, n, separator, columns))]  # fmt: skip
        if self.more:
            self.found.append(Mistake(self.found[-1].place, f"and {self.more} more mistakes from here on"))
        if not self.found and not rates:
            self.found.append(Mistake(f"{self.file}:{at}", "no price stands below the header"))
        if self.found:
            raise Mistakes(self.found)
        deck = Deck(rates)
        deck.rate_of("", 0)  # whoever asks it first need not wait
        return deck

    def _wrong(self, line: int, what: str) -> None:
        if len(self.found) < MISTAKES_MAX:
            self.found.append(Mistake(f"{self.file}:{line}", what))
        else:
            self.more += 1

    def _columns(self, head: str, separator: str, at: int) -> Mapping[str, int]:
        """Column → its place. Raises Mistakes: without them no line can be read."""
        names = [name.strip().lower() for name in _cells(head, separator) or ()]
        for place, name in enumerate(names):
            near = did_you_mean(name, COLUMNS) if name not in COLUMNS else ""
            if name in names[:place] and name:
                self._wrong(at, f"column {name[:SHOWN_MAX]!r}: given twice")
            elif near or name not in {*COLUMNS, *PASSED_OVER}:
                hint = near or f"; expected {', '.join(COLUMNS)}"
                self._wrong(at, f"unknown column {name[:SHOWN_MAX]!r}{hint}")
        columns = {name: names.index(name) for name in COLUMNS if name in names}
        for name in ("prefix", "price"):
            if name not in columns and not self.found:
                self._wrong(at, f"no column {name}; expected the header prefix,price,increment,valid_from")
        if ("initial" in columns) != ("next" in columns) or {"initial", "increment"} <= columns.keys():
            self._wrong(at, "expected either the column increment, or initial and next")
        if self.found:
            raise Mistakes(self.found)
        return columns

    def _rate(self, line: str, n: int, separator: str, columns: Mapping[str, int]) -> Rate | None:
        cells = _cells(line, separator)
        if cells is None:
            self._wrong(n, "a quotation mark is not closed")
            return None
        if len(cells) <= max(columns["prefix"], columns["price"]):
            self._wrong(n, f"{len(cells)} columns; expected {max(columns.values()) + 1}")
            return None
        given = {name: cells[at].strip() for name, at in columns.items() if at < len(cells)}
        increment = given.get("increment", "")
        if "initial" in columns:
            increment = "/".join(part for name in ("initial", "next") if (part := given.get(name, "")))
        increment = increment or self.increment
        written = given.get("valid_from", "")
        try:  # most lines are right
            from_ms = self._from_ms(written)
            rate = Rate(prefix_of(given["prefix"]), _price_of(given["price"]), _increment_of(increment), from_ms)
        except Unfit:
            self._value(n, "prefix", given["prefix"], prefix_of, PREFIX_WORDS)
            self._value(n, "price", given["price"], _price_of, PRICE.words)
            self._value(n, "increment", increment, _increment_of, INCREMENT.words)
            self._value(n, "valid_from", written, self._from_ms, MOMENT_WORDS)
            return None
        return self._once(n, rate)

    def _value(self, n: int, name: str, raw: str, parse: Callable[[str], object], words: str) -> None:
        try:
            parse(raw)
        except Unfit:
            self._wrong(n, f"{name}: {raw[:SHOWN_MAX]!r} will not do; expected {words}")

    def _from_ms(self, written: str) -> int:
        return _moment_ms(written, self.zone) if written else 0

    def _once(self, n: int, rate: Rate) -> Rate | None:
        first = self.seen.setdefault((rate.prefix, rate.from_ms), n)
        if first != n:
            self._wrong(n, f"prefix: {rate.prefix or EVERY} is given twice for the same time, first in line {first}")
            return None
        return rate


def _is_passed_over(line: str) -> bool:
    return not line.strip(" \t,;") or line.lstrip().startswith("#")


def _cells(line: str, separator: str) -> list[str] | None:
    """None: they cannot be told apart."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True), [])
    except csv.Error:
        return None


PRICE, INCREMENT = price(), rounding()


def prefix_of(raw: str) -> str:
    """With its +; "" for every number. Raises Unfit."""
    if raw == EVERY:
        return ""
    found = PREFIX.fullmatch(raw)
    if not found:
        raise Unfit
    return f"+{found[1]}"


@lru_cache(10_000)
def _price_of(raw: str) -> int:
    micro: int = PRICE.parse(raw)
    return micro


@lru_cache(1_000)
def _increment_of(raw: str) -> str:
    written: str = INCREMENT.parse(raw)
    return written


@lru_cache(1_000)
def _moment_ms(raw: str, zone: ZoneInfo) -> int:
    if not (DAY.fullmatch(raw) or MOMENT.fullmatch(raw)):
        raise Unfit
    try:
        at = datetime.fromisoformat(raw.upper())
    except ValueError:  # the 31st of November
        raise Unfit from None
    at = at if at.tzinfo else at.replace(tzinfo=zone)
    return round(at.timestamp() * 1000)
