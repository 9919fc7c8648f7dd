"""The Feed port on Redis: a stream of references. A place is an entry's id there. Knows keys, arguments, answers."""

from __future__ import annotations

import asyncio

import hiredis

from ari_app.adapters.redis.address import Address
from ari_app.adapters.redis.lane import Lane
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Reply
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.ports.feed import START, Entry, News, Page, Source

FEED, TRIMMED = "{ev}:feed", "{ev}:trimmed"
WAIT_MS_MAX = 10_000
LAST_OF_MS = 2**63 - 1


class RedisFeed:
    """`close` at the end: what waits has a connection of its own, made when it is first needed."""

    def __init__(self, link: Link, timeout_ms: int = 3_000) -> None:
        self._link = link
        self._timeout_ms = timeout_ms
        self._lane: Lane | None = None
        self._turn = asyncio.Lock()

    async def last(self) -> str:
        newest, trimmed = await self._link.transaction(
            [("XREVRANGE", FEED, "+", "-", "COUNT", 1), ("GET", TRIMMED)]
        )  # fmt: skip
        place: bytes = newest[0][0] if newest else trimmed or START.encode()
        return place.decode()

    async def read(self, after: str, most: int) -> Page:
        place = place_of(after)
        found, trimmed = await self._link.transaction(
            [("XRANGE", FEED, f"({place[0]}-{place[1]}", "+", "COUNT", most), ("GET", TRIMMED)]
        )  # fmt: skip
        cut = START if trimmed is None else trimmed.decode()
        return page_of(found, after, cut)

    async def wait(self, after: str, most: int, ms: int) -> Page:
        """Of several who wait, one after the other does."""
        page = await self.read(after, most)
        if page.entries or page.is_gap:
            return page
        async with self._turn:
            reply = await self._blocked(after, min(ms, WAIT_MS_MAX))
        return page if reply is None else await self.read(after, most)

    async def place_at(self, at_ms: int) -> str:
        return f"{at_ms - 1}-{LAST_OF_MS}" if at_ms > 0 else START

    async def close(self) -> None:
        if self._lane is not None:
            await self._lane.close()

    async def _blocked(self, after: str, ms: int) -> Reply:
        if self._lane is None:
            self._lane = Lane(self._find, name="feed", timeout_ms=self._timeout_ms + WAIT_MS_MAX)
        await self._lane.start(self._timeout_ms / 1000)
        reply = await self._lane.send("XREAD", "COUNT", 1, "BLOCK", ms, "STREAMS", FEED, after)
        if isinstance(reply, hiredis.ReplyError):  # it is a master no more, or the keys have moved
            self._lane.drop(str(reply))
            raise Unavailable(f"Redis cannot do it now: {reply}")
        return reply

    async def _find(self) -> Address:
        return self._link.address_of(FEED)


def place_of(place: str) -> tuple[int, int]:
    """Raises CallerError for what is none."""
    at, _, n = place.partition("-")
    if not (at.isdecimal() and at.isascii() and len(at) <= 16 and (n or "0").isdecimal() and len(n) <= 19):
        raise CallerError(f"place: not one that was given out: {place!r}")
    return int(at), int(n or 0)


def page_of(found: Reply, after: str, cut: str) -> Page:
    is_gap = place_of(after) < place_of(cut)
    entries = [Entry(id.decode(), unpacked(fields[1].decode())) for id, fields in found]
    return Page(entries, entries[-1].place if entries else cut if is_gap else after, is_gap)


def packed(news: News) -> str:
    return f"{news.source} {news.seq} {news.at_ms} {news.type} {news.tenant}"


def unpacked(text: str) -> News:
    source, seq, at_ms, type, tenant = text.split(" ")
    kind, _, id = source.partition(":")
    return News(Source("notice" if kind == "notice" else "call", id), int(seq), tenant, type, int(at_ms))
