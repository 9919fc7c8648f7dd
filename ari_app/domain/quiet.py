"""Hours in which nobody is rung for a notice, by the operator's clock. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.domain.hours import is_open, opens_at_ms
from ari_app.domain.trunks import Window

DAYS = frozenset(range(7))
WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
LOOKS_MAX = 10
"""Of several quiet times one may end where another begins; no day has more of them."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Minutes of the day; one that ends before it begins goes on into the next day."""

    from_min: int
    until_min: int

    def __str__(self) -> str:
        times = (f"{at // 60:02d}:{at % 60:02d}" for at in (self.from_min, self.until_min))
        return "-".join(times)


def quiet(written: str) -> Quiet | None:
    """`22:00-08:00`. None: it is not written so, or would be the whole day."""
    found = WRITTEN.fullmatch(written)
    if found is None:
        return None
    from_h, from_m, until_h, until_m = map(int, found.groups())
    read = Quiet(60 * from_h + from_m, 60 * until_h + until_m)
    return None if read.from_min == read.until_min else read


def after_quiet(at_ms: int, quiets: Sequence[Quiet], timezone: str) -> int:
    """The first time from then on that is in none of them; where together they leave none, a day later or so."""
    for _ in range(LOOKS_MAX):
        held = [hours for one in quiets if not is_open(hours := _the_rest(one), at_ms, timezone)]
        if not held:
            break
        at_ms = max(opens_at_ms(hours, at_ms, timezone) for hours in held)
    return at_ms


def is_quiet(at_ms: int, quiets: Sequence[Quiet], timezone: str) -> bool:
    return any(not is_open(_the_rest(one), at_ms, timezone) for one in quiets)


def _the_rest(quiet: Quiet) -> tuple[Window, ...]:
    return (Window(DAYS, quiet.until_min, quiet.from_min),)
