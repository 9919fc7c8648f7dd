"""A feed over the calls of a bench, as the relay and the store make it of what the calls tell; shortened, away or
forgetful when a test wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.entrypoints.views import event_view, rfc3339
from ari_app.ports.feed import START, Entry, News, Page, Source


@dataclass
class LiveFeed:
    """Feed, Stories and Listing of hooks/watching.py. Places are numbers; `kept`: of so many of the newest."""

    calls: MemoryCalls
    tenant: str = ""
    """Of the calls that are looked at as one."""
    kept: int = 10_000
    is_away: bool = False
    told: int = 0
    """So many bodies were fetched."""
    waits: int = 0
    """So often the look was begun that waits for something."""
    entries: list[Entry] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    """Calls of which nothing is told any more."""
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, *call_ids: str, tenant: str = "") -> None:
        """What the calls' lists have, and the feed has not."""
        for call in call_ids:
            done = max((e.news.seq for e in self.entries if e.news.source.id == call), default=0)
            for news in await self.news_of(Source("call", call), done, tenant=tenant):
                self.entries.append(Entry(str(len(self.entries) + 1), news))
        self._moved.set()

    async def news_of(self, source: Source, after: int = 0, *, tenant: str = "") -> list[News]:
        self._here()
        found = []
        for seq, raw in await self.calls.events(source.id, after):
            body: dict[str, Any] = msgspec.json.decode(raw)
            type = f"call.{body.get('what') or body['state']}"
            found.append(News(source, seq, tenant, type, body["at_ms"]))
        return found

    async def tell(self, news: Sequence[News]) -> list[bytes | None]:
        self._here()
        self.told += len(news)
        return [await self._said(one) for one in news]

    async def _said(self, news: News) -> bytes | None:
        raw = dict(await self.calls.events(news.source.id, 0)).get(news.seq)
        if raw is None or news.source.id in self.forgotten:
            return None
        data = event_view(news.seq, msgspec.json.decode(raw))
        about = {"type": news.type, "timestamp": rfc3339(news.at_ms), "id": news.id, "data": data}
        return msgspec.json.encode(about)

    async def last(self) -> str:
        self._here()
        return self.entries[-1].place if self.entries else START

    async def read(self, after: str, most: int) -> Page:
        self._here()
        if not after.isdecimal():
            raise CallerError("no place")
        oldest = max(0, len(self.entries) - self.kept)
        is_gap = int(after) < oldest
        found = self.entries[max(int(after), oldest) :][:most]
        return Page(found, found[-1].place if found else after, is_gap)

    async def wait(self, after: str, most: int, ms: int) -> Page:
        self.waits += 1
        while not (page := await self.read(after, most)).entries:
            self._moved.clear()
            try:
                async with asyncio.timeout(ms / 1000):
                    await self._moved.wait()
            except TimeoutError:
                return page
        return page

    async def place_at(self, at_ms: int) -> str:
        return next((str(int(e.place) - 1) for e in self.entries if e.news.at_ms >= at_ms), await self.last())

    def _here(self) -> None:
        if self.is_away:
            raise Unavailable("away, as the test wants it")
