"""What a carrier takes for a minute, by the beginning of the number and from when on: its price deck, as data.

Rounds nothing (units.py does) and knows no file.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """One line of a deck. `prefix`: E.164 with its +, "" for every number. `from_ms`: valid from then on."""

    prefix: str
    price_micro_per_min: int
    increment: str = "60/60"
    from_ms: int = 0


def rate_of(number: str, at_ms: int, rates: Sequence[Rate]) -> Rate | None:
    """The longest prefix that is valid at that time; of one prefix, the line that became valid last. None: the deck has
    no price for this number."""
    fit = (rate for rate in rates if rate.from_ms <= at_ms and number.startswith(rate.prefix))
    return max(fit, key=lambda rate: (len(rate.prefix), rate.from_ms), default=None)
