"""How many calls of notices may begin now, so that the trunks are neither asked for more than they take nor left
without a line for people who call. What must not be exceeded is asked of the store when a line is taken
(trunk_gate.py): this is so that few are asked for in vain."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from ari_app.domain.trunks import Trunk

RATE_MAX = 20.0
"""A second, where the trunks tell no limit."""
AT_ONCE_MAX = 20


class Pace:
    def __init__(
        self, trunks: Callable[[], Sequence[Trunk]], in_use: Callable[[], Mapping[str, int]],
        is_open: Callable[[], bool], lines_percent: int, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """`in_use`: trunk → lines that are taken. `is_open`: whether any PBX takes a call now."""
        self._trunks = trunks
        self._in_use = in_use
        self.is_open = is_open
        self._percent = lines_percent
        self._clock = clock
        self._at_s = clock()
        self._saved = 0.0

    def room(self) -> int:
        """So many may begin now."""
        now_s = self._clock()
        rate = self.rate()
        self._saved = min(self._saved + rate * (now_s - self._at_s), max(1.0, rate / 2))
        self._at_s = now_s
        return max(0, min(int(self._saved), self.lines(), AT_ONCE_MAX))

    def took(self, count: int) -> None:
        self._saved = max(0.0, self._saved - count)

    def rate(self) -> float:
        """A second, over all trunks; a quarter of it is left to others."""
        rates = [trunk.max_cps for trunk in self._trunks()]
        return min(RATE_MAX, 0.75 * sum(rates)) if rates and all(rates) else RATE_MAX

    def lines(self) -> int:
        """That may be taken, over all trunks; of each some are left to others."""
        trunks, taken = self._trunks(), self._in_use()
        if not all(trunk.max_channels for trunk in trunks):
            return AT_ONCE_MAX
        return sum(max(0, self._own(trunk) - taken.get(trunk.name, 0)) for trunk in trunks)

    def _own(self, trunk: Trunk) -> int:
        return max(1, trunk.max_channels * self._percent // 100)
