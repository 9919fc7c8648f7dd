"""How the process is told to stop. Knows signals; what stopping means is the business of whoever asks here.

SIGTERM: leave at once, live calls stay on the PBX. Ctrl-C: drain first; a second one leaves. Once it leaves, one more
signal of either kind ends the process on the spot.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

log = structlog.get_logger()

T = TypeVar("T")
EXIT_NOW = 1


class Told(Exception):
    """Somebody wants the process to stop."""


class Stopping:
    def __init__(self, exit_now: Callable[[int], object] = os._exit) -> None:
        self.drain = asyncio.Event()
        self.leave = asyncio.Event()
        self._exit_now = exit_now

    def install(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.terminated)
        loop.add_signal_handler(signal.SIGINT, self.interrupted)

    def terminated(self) -> None:
        if self.leave.is_set():
            log.warning("leaving now: told once more")
            self._exit_now(EXIT_NOW)
        self.leave.set()

    def interrupted(self) -> None:
        if self.is_told:
            self.terminated()
        else:
            self.drain.set()

    @property
    def is_told(self) -> bool:
        """May be asked from any thread."""
        return self.drain.is_set() or self.leave.is_set()

    async def told(self) -> None:
        await first_of(self.drain.wait(), self.leave.wait())

    async def unless_told(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives. Raises Told, and gives `work` up, where somebody wants us to stop first."""
        task = asyncio.create_task(work)
        try:
            await first_of(asyncio.wait({task}), self.told())
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            raise Told
        return task.result()


async def first_of(*waits: Coroutine[Any, Any, object]) -> None:
    """Until one of them has come to its end; the others are given up."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
