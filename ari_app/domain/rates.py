"""What a carrier takes for a minute, by the beginning of the number and from when on: its price deck, as data.

Rounds nothing (units.py does) and knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of a deck. `prefix`: E.164 with its +, "" for every number. `from_ms`: valid from then on."""

    prefix: str
    price_micro_per_min: int
    increment: str = "60/60"
    from_ms: int = 0


class Deck(tuple[Rate, ...]):
    """The rates of a trunk, found by number in as many steps as prefixes have lengths, however many rates there are."""

    def rate_of(self, number: str, at_ms: int) -> Rate | None:
        """See rate_of."""
        for length in self._lengths:
            if length <= len(number):
                for rate in self._by_prefix.get(number[:length], ()):
                    if rate.from_ms <= at_ms:
                        return rate
        return None

    def of(self, number: str) -> Iterator[Rate]:
        """All that are for this number, now or at another time."""
        for length in self._lengths:
            if length <= len(number):
                yield from self._by_prefix.get(number[:length], ())

    @cached_property
    def _by_prefix(self) -> Mapping[str, Sequence[Rate]]:
        """The latest first."""
        found: dict[str, list[Rate]] = {}
        for rate in self:
            found.setdefault(rate.prefix, []).append(rate)
        for several in found.values():
            if len(several) > 1:
                several.sort(key=lambda rate: -rate.from_ms)
        return found

    @cached_property
    def _lengths(self) -> Sequence[int]:
        return sorted({len(prefix) for prefix in self._by_prefix}, reverse=True)


def rate_of(number: str, at_ms: int, rates: Sequence[Rate]) -> Rate | None:
    """The longest prefix that is valid at that time; of one prefix, the line that became valid last. None: the deck has
    no price for this number."""
    if isinstance(rates, Deck):
        return rates.rate_of(number, at_ms)
    fit = (rate for rate in rates if rate.from_ms <= at_ms and number.startswith(rate.prefix))
    return max(fit, key=lambda rate: (len(rate.prefix), rate.from_ms), default=None)


def next_changes_ms(number: str, after_ms: int, until_ms: int, rates: Sequence[Rate]) -> list[int]:
    """When another price for this number may begin, within that time."""
    found = rates.of(number) if isinstance(rates, Deck) else (r for r in rates if number.startswith(r.prefix))
    return sorted({rate.from_ms for rate in found if after_ms < rate.from_ms <= until_ms})
