"""What came out of laying a bill beside our own legs: each difference, and the sums. Reads nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from ari_app.domain.billing_match import HARMLESS, Class, Ours, Theirs, begun_s

PREFIX_SIGNS = 6
PREFIXES_SHOWN = 10
MISTAKES_SHOWN = 50


class Difference(NamedTuple):
    """One line of the dispute file. `theirs` has the bill's own time. `micro`: theirs less ours, in `currency`."""

    what: Class
    why: str
    currency: str
    micro: int
    ours: Ours | None = None
    theirs: Theirs | None = None
    line: int = 0
    raw: str = ""  # of a line that cannot be read
    witness: tuple[int | None, int | None] | None = None  # answered at, talked, both in ms


@dataclass
class Sums:
    lines: int = 0
    our_s: int = 0
    their_s: int = 0
    our_micro: int = 0
    their_micro: int = 0


@dataclass
class Settlement:
    """Sums are by class and currency."""

    trunk: str
    month: str
    took: tuple[str, ...] = ()
    skew_ms: int = 0
    legs: int = 0  # answered, of the month
    lines: int = 0
    left_out: int = 0
    by_class: dict[tuple[Class, str], Sums] = field(default_factory=dict)
    by_prefix: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: list[tuple[int, str]] = field(default_factory=list)  # the first of them: line, why
    notes: list[str] = field(default_factory=list)

    @property
    def is_agreed(self) -> bool:
        return all(what in HARMLESS or not sums.lines for (what, _), sums in self.by_class.items())

    def classes(self) -> list[tuple[Class, str, Sums]]:
        """In the order of a table."""
        order = {what: n for n, what in enumerate(Class)}
        found = [(what, currency, sums) for (what, currency), sums in self.by_class.items()]
        return sorted(found, key=lambda one: (order[one[0]], one[1]))

    def count(self, what: Class) -> int:
        return sum(sums.lines for (one, _), sums in self.by_class.items() if one is what)

    def totals(self) -> dict[str, Sums]:
        """By currency: what we owe by our records, and what is billed."""
        found: dict[str, Sums] = {}
        for (_, currency), sums in sorted(self.by_class.items()):
            total = found.setdefault(currency, Sums())
            for name in ("lines", "our_s", "their_s", "our_micro", "their_micro"):
                setattr(total, name, getattr(total, name) + getattr(sums, name))
        return found

    def prefixes(self) -> list[tuple[str, str, int]]:
        """Prefix, currency, difference: the greatest first."""
        found = [(prefix, currency, micro) for (prefix, currency), micro in self.by_prefix.items() if micro]
        return sorted(found, key=lambda one: (-abs(one[2]), one))[:PREFIXES_SHOWN]

    def add(self, what: Class, ours: Ours | None, theirs: Theirs | None, currency: str) -> None:
        """`currency`: where the bill does not say."""
        our_currency = ours.currency if ours else currency
        their_currency = (theirs.currency if theirs else "") or our_currency
        first = self._sums(what, their_currency if theirs else our_currency)
        first.lines += 1
        if theirs:
            first.their_s += theirs.charged_ms // 1000
            first.their_micro += theirs.cost_micro
            self._differ(theirs.number, their_currency, theirs.cost_micro)
        if ours:
            mine = self._sums(what, our_currency)
            is_billed = theirs is not None and theirs.duration_ms is None
            mine.our_s += ours.billed_s if is_billed else begun_s(ours.talk_ms)
            mine.our_micro += ours.cost_micro
            self._differ(ours.number, our_currency, -ours.cost_micro)

    def add_unreadable(self, line: int, why: str, currency: str = "") -> None:
        self._sums(Class.UNREADABLE, currency).lines += 1
        if len(self.unreadable) < MISTAKES_SHOWN:
            self.unreadable.append((line, why))

    def _sums(self, what: Class, currency: str) -> Sums:
        return self.by_class.setdefault((what, currency), Sums())

    def _differ(self, number: str, currency: str, micro: int) -> None:
        self.by_prefix[number[:PREFIX_SIGNS], currency] += micro
