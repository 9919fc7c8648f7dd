"""Outbox and feed in this process's memory: the twins of adapters/redis/{outbox,feed}.py, for tests and laws."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from ari_app.domain.errors import CallerError
from ari_app.ports.feed import START, Entry, News, Page, Source, Upto


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class MemoryFeed:
    def __init__(self, now_ms: Callable[[], int] = _now_ms) -> None:
        self._now_ms = now_ms
        self._entries: list[Entry] = []
        self._last = self._trimmed = (0, 0)
        self._more = asyncio.Event()

    async def last(self) -> str:
        return _place(self._last)

    async def read(self, after: str, most: int) -> Page:
        place = place_of(after)
        found = [one for one in self._entries if place_of(one.place) > place][:most]
        is_gap = place < self._trimmed
        upto = found[-1].place if found else _place(self._trimmed) if is_gap else after
        return Page(found, upto, is_gap)

    async def wait(self, after: str, most: int, ms: int) -> Page:
        more = self._more
        page = await self.read(after, most)
        if not page.entries and not page.is_gap:
            with suppress(TimeoutError):
                async with asyncio.timeout(ms / 1000):
                    await more.wait()
            page = await self.read(after, most)
        return page

    async def place_at(self, at_ms: int) -> str:
        return f"{max(0, at_ms - 1)}-{2**63 - 1}" if at_ms > 0 else START

    def put(self, news: Sequence[News]) -> None:
        for one in news:
            self._last = max((self._now_ms(), 0), (self._last[0], self._last[1] + 1))
            self._entries.append(Entry(_place(self._last), one))
        self._more.set()
        self._more = asyncio.Event()

    def trim(self, before_ms: int, most: int) -> int:
        old = sum(place_of(one.place) < (before_ms, 0) for one in self._entries)
        gone = max(old, len(self._entries) - most)
        if gone > 0:
            self._trimmed = place_of(self._entries[gone - 1].place)
            del self._entries[:gone]
        return max(0, gone)


class MemoryOutbox:
    """`hinted`: told of every hint."""

    def __init__(self, feed: MemoryFeed, hinted: Callable[[], None] = lambda: None) -> None:
        self.hinted = hinted
        self._feed = feed
        self._dirty: dict[Source, None] = {}
        self._doing: dict[Source, None] = {}
        self._upto: dict[Source, Upto] = {}

    def soon(self, source: Source) -> None:
        self._dirty[source] = None
        self.hinted()

    async def hint(self, sources: Sequence[Source]) -> None:
        for source in sources:
            self.soon(source)

    async def take(self, most: int) -> Sequence[Source]:
        taken = list(self._dirty)[:most]
        for source in taken:
            del self._dirty[source]
            self._doing[source] = None
        return taken

    async def relayed(self, sources: Sequence[Source]) -> None:
        for source in sources:
            self._doing.pop(source, None)

    async def begin_again(self) -> None:
        self._dirty |= self._doing
        self._doing.clear()

    async def waiting(self) -> int:
        return len(self._dirty.keys() | self._doing.keys())

    async def upto(self, sources: Sequence[Source]) -> Sequence[Upto]:
        return [self._upto.get(source, Upto()) for source in sources]

    async def publish(self, each: Sequence[tuple[Source, Upto, Sequence[News]]]) -> Sequence[bool]:
        done = []
        for source, after, news in each:
            is_there = self._upto.get(source, Upto()) == after
            done.append(is_there)
            if is_there and news:
                self._feed.put(news)
                self._upto[source] = Upto(news[-1].seq, news[-1].mark)
        return done

    async def trim(self, before_ms: int, most: int) -> int:
        return self._feed.trim(before_ms, most)


def place_of(place: str) -> tuple[int, int]:
    """Raises CallerError for what is none."""
    at, _, n = place.partition("-")
    if not (at.isdecimal() and at.isascii() and len(at) <= 16 and (n or "0").isdecimal() and len(n) <= 19):
        raise CallerError(f"place: not one that was given out: {place!r}")
    return int(at), int(n or 0)


def _place(place: tuple[int, int]) -> str:
    return START if place == (0, 0) else f"{place[0]}-{place[1]}"
