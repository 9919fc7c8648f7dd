"""An event loop whose clock jumps: whenever nothing is ready, time moves to the next timer at once. An hour of calls
takes a second, and the same seed gives the same run."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

START_MS = 1_800_000_000_000


class Stuck(AssertionError):
    """Nothing is ready and no timer is set: somebody waits for what will never come."""


class _NoWait(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing will ever happen again")
        self._loop.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        self.born = 0
        self.place: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        super().__init__(_NoWait(self))

    def create_task(self, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        """Tasks know their place, so that they can be killed in an order that does not depend on addresses."""
        task = super().create_task(coroutine, **more)
        self.born += 1
        self.place[task] = self.born
        return task

    def time(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        return START_MS + round(self.now_s * 1000)


def run(loop: VirtualLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):  # the world ends here
                loop.run_until_complete(task)
        asyncio.set_event_loop(None)
        loop.close()
