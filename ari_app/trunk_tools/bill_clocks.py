"""The clock of a bill: how far it is ahead of ours, as most of what is the same call is apart by the same time; and the
hour that it shows twice, where clocks go back. Knows no call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from statistics import median_low
from typing import NamedTuple
from zoneinfo import ZoneInfo

BUCKET_MS = 30_000
AROUND_MS = 60_000
LINES_MIN = 5
STEP_MS = 900_000
DAY_MS = 86_400_000


class Twice(NamedTuple):
    """The clocks went back by `by_ms` at `until_ms`: what they showed from `from_ms` on they showed once more."""

    from_ms: int
    until_ms: int
    by_ms: int


def twice_in(timezone: str, from_ms: int, until_ms: int) -> list[Twice]:
    zone = ZoneInfo(timezone)

    def offset_ms(at_ms: int) -> int:
        offset = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).utcoffset()
        return round(offset.total_seconds() * 1000) if offset else 0

    found = []
    for day_ms in range(from_ms, until_ms, DAY_MS):
        back_ms = offset_ms(day_ms) - offset_ms(day_ms + DAY_MS)
        if back_ms > 0:
            steps = range(day_ms, day_ms + DAY_MS + 1, STEP_MS)
            at_ms = next(at for at in steps if offset_ms(at) == offset_ms(day_ms + DAY_MS))
            found.append(Twice(at_ms - back_ms, at_ms, back_ms))
    return found


def cluster_of(apart_ms: Iterable[list[int]]) -> tuple[int, float] | None:
    """The median of those distances that lie together, and the share of lines that have one of them; each list is of
    one line, and right in one of its values at most. None: too few lie together to tell."""
    buckets, every, lines = Counter[int](), list[list[int]](), 0
    for of_a_line in apart_ms:
        lines += 1
        if of_a_line:
            every.append(of_a_line)
            buckets.update({apart // BUCKET_MS for apart in of_a_line})
    if not buckets:
        return None
    fullest = min(buckets, key=lambda one: (-buckets[one], abs(one), one))
    middle_ms = median_low(sorted(a for of in every for a in of if a // BUCKET_MS == fullest))
    near = [min((a for a in of if abs(a - middle_ms) <= AROUND_MS), key=lambda a: abs(a - middle_ms), default=None)
            for of in every]  # fmt: skip
    found = sorted(a for a in near if a is not None)
    if len(found) < LINES_MIN:
        return None
    return median_low(found), len(found) / lines
