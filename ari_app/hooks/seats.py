"""What is told to those who watch live events, and the place where it is put before each. Knows no feed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from ari_app.ports.feed import News, Source

QUEUE_MAX = 500
"""What waits for one watcher. Beyond that he is let go, and reads by himself."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event and what it says. `place`: in the feed; "": it was read from the call's own list."""

    place: str
    news: News
    body: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What is told next. `is_gap`: some before that are lost. `place`: all up to there was told, or is not for him."""

    told: Sequence[Told] = ()
    is_gap: bool = False
    place: str = ""


class Watcher(Protocol):
    async def next(self, idle_s: float) -> Batch:
        """What comes next; nothing, where nothing came for so long. May raise Unavailable; asking again goes on."""

    def leave(self) -> None:
        """It ends now: whoever waits in `next` waits no longer."""


class Listing(Protocol):
    """Of hooks/sources.py: the list of events of one call or notice, MOST of them at once."""

    async def __call__(self, source: Source, after: int) -> Sequence[News]: ...


@dataclass(eq=False)
class Seat:
    """What the look at the feed puts before one watcher."""

    wants: Callable[[News], bool]
    queue: deque[Told] = field(default_factory=deque)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_lost: bool = False
    """Something was not put there: he must look for himself."""

    def put(self, told: Told | None) -> None:
        if told is None or len(self.queue) >= QUEUE_MAX:
            self.lose()
        elif not self.is_lost:
            self.queue.append(told)
            self.ready.set()

    def lose(self) -> None:
        self.is_lost = True
        self.queue.clear()
        self.ready.set()

    def taken(self) -> list[Told]:
        told = list(self.queue)
        self.queue.clear()
        self.ready.clear()
        return told

    async def wait(self, s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(s):
                await self.ready.wait()
        self.ready.clear()
