"""How often something may happen within a time: sliding windows over the times at which it did. Pure functions.

The oracle of adapters/redis/lua/mark-1.lua. Knows no call, no number and no clock.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from ari_app.domain.errors import CallerError

MOST_MAX, WINDOW_MAX_S = 100_000, 31 * 86_400
_WRITTEN = re.compile(r"([0-9]{1,6})/([0-9]{1,7})")


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` in any `window_s`. Written `3/300`."""

    most: int
    window_s: int

    @classmethod
    def parse(cls, written: str) -> Self:
        """Raises CallerError."""
        found = _WRITTEN.fullmatch(written.strip())
        limit = cls(int(found[1]), int(found[2])) if found else None
        if limit is None or not (1 <= limit.most <= MOST_MAX and 1 <= limit.window_s <= WINDOW_MAX_S):
            raise CallerError(f"a limit is written most/seconds, such as 3/300, not {written!r}")
        return limit

    def __str__(self) -> str:
        return f"{self.most}/{self.window_s}"


@dataclass(frozen=True, slots=True)
class Over:
    """The limit that was hit; of several the one that lasts longest. `again_ms`: in so long it is not."""

    limit: Limit
    again_ms: int


def over(times_ms: Collection[int], limits: Sequence[Limit], now_ms: int) -> Over | None:
    """Whether one more may not happen now. What is in the future, by a clock that is ahead of ours, counts."""
    newest_first = sorted(times_ms, reverse=True)
    hit = None
    for limit in limits:
        if len(newest_first) < limit.most:
            continue
        again_ms = newest_first[limit.most - 1] + 1000 * limit.window_s - now_ms
        if again_ms > 0 and (hit is None or again_ms > hit.again_ms):
            hit = Over(limit, again_ms)
    return hit


def longest_s(limits: Sequence[Limit]) -> int:
    """How long a time must be remembered."""
    return max((limit.window_s for limit in limits), default=0)
