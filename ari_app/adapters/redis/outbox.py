"""The Outbox port on Redis: hints, and how far each source is in the feed, under one tag with the feed itself. Knows
keys, arguments, answers.

A hint is a set's member: said twice it is there once. It goes out beside what it tells of, and keeps nobody waiting.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

import structlog

from ari_app.adapters.redis.feed import FEED, TRIMMED, packed
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import Unavailable
from ari_app.ports.feed import News, Source, Upto

log = structlog.get_logger()

DIRTY, DOING = "{ev}:dirty", "{ev}:doing"
ENDED_MS, CALL_MS, NOTICE_MS = 3_600_000, 3 * 86_400_000, 200 * 86_400_000
"""How far a source is in the feed is known so long after its last event: longer than a call, or a notice of which
somebody is reminded, may go on. Beyond that its events would be told again, under the ids that they had."""
AGAIN_S, AGAIN_MAX_S = 0.5, 10.0
TRIMMED_AT_ONCE = 1_000
LATELY_S = 10.0


class RedisOutbox:
    """`hinted`: told when a hint is known there."""

    def __init__(self, link: Link, hinted: Callable[[], None] = lambda: None) -> None:
        self.hinted = hinted
        self._link = link
        self._pending: dict[Source, None] = {}
        self._flushing: asyncio.Task[None] | None = None
        self._lately: deque[tuple[float, Source]] = deque()

    def soon(self, source: Source) -> None:
        self._pending[source] = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush(), name="hints")

    async def hint(self, sources: Sequence[Source]) -> None:
        if sources:
            await self._link.command("SADD", DIRTY, *map(str, sources))
            self._note(sources)
            self.hinted()

    def say_again(self) -> None:
        """The store came back: what it was told last may be lost."""
        for _, source in self._lately:
            self.soon(source)

    async def take(self, most: int) -> Sequence[Source]:
        return [_source(raw) for raw in await self._link.script("hints", DIRTY, DOING, most)]

    async def relayed(self, sources: Sequence[Source]) -> None:
        if sources:
            await self._link.command("SREM", DOING, *map(str, sources))

    async def begin_again(self) -> None:
        await self._link.transaction([("SUNIONSTORE", DIRTY, DIRTY, DOING), ("DEL", DOING)])

    async def waiting(self) -> int:
        return sum(await self._link.commands([("SCARD", DIRTY), ("SCARD", DOING)]))

    async def upto(self, sources: Sequence[Source]) -> Sequence[Upto]:
        found = await self._link.command("MGET", *map(_at, sources)) if sources else []
        return [Upto() if raw is None else _upto(raw.decode()) for raw in found]

    async def publish(self, each: Sequence[tuple[Source, Upto, Sequence[News]]]) -> Sequence[bool]:
        asked: list[list[Arg]] = [
            [FEED, _at(source), _said(after), _said(Upto(news[-1].seq, news[-1].mark)), _kept_ms(news[-1]),
             *map(packed, news)]
            for source, after, news in each
        ]  # fmt: skip
        return [done == 1 for done in await self._link.scripts("publish", asked)]

    async def trim(self, before_ms: int, most: int) -> int:
        return int(await self._link.script("trim", FEED, TRIMMED, max(0, before_ms - 1), most, TRIMMED_AT_ONCE))

    async def _flush(self) -> None:
        while self._pending:
            some, self._pending = list(self._pending), {}
            try:
                await self.hint(some)
            except Unavailable:
                self._pending = dict.fromkeys(some) | self._pending
                await asyncio.sleep(AGAIN_S)
            except Exception:  # they are told sooner or later, or whoever has the call next says it again
                log.exception("events not hinted at for a fault, trying again")
                self._pending = dict.fromkeys(some) | self._pending
                await asyncio.sleep(AGAIN_MAX_S)

    def _note(self, sources: Sequence[Source]) -> None:
        now = time.monotonic()
        self._lately.extend((now, source) for source in sources)
        while self._lately and self._lately[0][0] < now - LATELY_S:
            self._lately.popleft()


def _at(source: Source) -> str:
    return f"{{ev}}:at:{source}"


def _source(raw: bytes) -> Source:
    kind, _, id = raw.decode().partition(":")
    return Source("notice" if kind == "notice" else "call", id)


def _said(upto: Upto) -> str:
    return f"{upto.seq} {upto.mark}" if upto.seq else ""


def _upto(said: str) -> Upto:
    seq, _, mark = said.partition(" ")
    return Upto(int(seq), mark)


def _kept_ms(last: News) -> int:
    if last.source.kind == "notice":
        return NOTICE_MS
    return ENDED_MS if last.type == "call.ended" else CALL_MS
