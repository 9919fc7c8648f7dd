"""How late this process's event loop is: every answer, event and request waits as long. Knows a clock, nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ari_app.recent import Worst

TICK_S = 0.05


class LoopLag:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due_s = float("inf")
        self._late_s = 0.0
        self._worst = Worst()

    @property
    def lag_s(self) -> float:
        """Of the last tick, or of the one that is due."""
        return max(self._late_s, self._clock() - self._due_s)

    @property
    def worst_s(self) -> float:
        """Of the last half minute or more."""
        return max(self.lag_s, self._worst.at(self._clock()))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._due_s = self._clock() + TICK_S
            await asyncio.sleep(TICK_S)
            now_s = self._clock()
            self._late_s = max(0.0, now_s - self._due_s)
            self._worst.note(self._late_s, now_s)
