"""The worst of late: a measure that is looked at every quarter of a minute must not miss what was in between."""

from __future__ import annotations

SPAN_S = 30.0


class Worst:
    """The largest value noted in the last SPAN_S to twice that. Knows no clock."""

    def __init__(self) -> None:
        self._before = self._now = 0.0
        self._since_s = float("-inf")

    def note(self, value: float, at_s: float) -> None:
        self._turn(at_s)
        self._now = max(self._now, value)

    def at(self, at_s: float) -> float:
        self._turn(at_s)
        return max(self._before, self._now)

    def _turn(self, at_s: float) -> None:
        past_s = at_s - self._since_s
        if past_s >= SPAN_S:
            self._before = self._now if past_s < 2 * SPAN_S else 0.0
            self._now, self._since_s = 0.0, at_s
