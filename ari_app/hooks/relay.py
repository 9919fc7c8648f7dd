"""From each source's own list of events into the one feed. Knows order and how far each is; no receiver.

Only a hint says where to look; what is new there is told by the list itself, behind what the feed has of it. So a hint
may come late, twice, or in vain, and a relay that dies in between leaves nothing but a hint that comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.hooks.sources import MOST, Sources
from ari_app.ports.feed import News, Outbox, Source, Upto

log = structlog.get_logger()

AT_ONCE = 200
POLL_S, POLL_BUSY_S = 0.2, 0.02
"""Others hint, too, and cannot wake us: looked again soon while something comes, so that it does not come in heaps."""
TAKE_BACK_S = 10.0
"""So often that what another process took too late, when we had begun already, comes again."""
AGAIN_S = 1.0
TRIM_S = 10.0
FAR_MS = 2**52


@dataclass(frozen=True, slots=True)
class FeedRules:
    keep_ms: int = 86_400_000
    entries_max: int = 500_000


class Relay:
    """`published`: told of what has come into the feed. `unread_ms`: what was put there since then (ms) somebody has
    still to read, and it is not cut off for its age; None: nobody knows yet."""

    def __init__(
        self, outbox: Outbox, sources: Sources, rules: FeedRules, *, now_ms: Callable[[], int],
        published: Callable[[Sequence[News]], None] = lambda _news: None,
        unread_ms: Callable[[], int | None] = lambda: FAR_MS,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._sources = sources
        self._rules = rules
        self._now_ms = now_ms
        self._published = published
        self._unread_ms = unread_ms
        self._woken = asyncio.Event()
        self._trimmed_s = self._began_s = float("-inf")

    def wake(self) -> None:
        """Something was hinted at."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            wait_s = POLL_S
            try:
                await self._begin_again()
                self._woken.clear()
                looked_at = await self.turn()
                await self._trim()
                if looked_at >= AT_ONCE:
                    continue
                if looked_at:
                    wait_s = POLL_BUSY_S
            except Unavailable as e:
                log.warning("events not relayed, trying again", why=str(e))
                self._began_s = float("-inf")
                await asyncio.sleep(AGAIN_S)
            except Exception:
                log.exception("events not relayed for a fault, trying again")
                self._began_s = float("-inf")
                await asyncio.sleep(AGAIN_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _begin_again(self) -> None:
        """Between two turns nothing of ours is under way."""
        clock_s = asyncio.get_running_loop().time()
        if clock_s - self._began_s >= TAKE_BACK_S:
            await self._outbox.begin_again()
            self._began_s = clock_s

    async def turn(self) -> int:
        """How many sources were looked at. Raises Unavailable."""
        sources = await self._outbox.take(AT_ONCE)
        if not sources:
            return 0
        uptos = await self._outbox.upto(sources)
        each = await self._new(list(zip(sources, uptos, strict=True)))
        done = await self._outbox.publish(each) if each else ()
        again = [source for (source, _, news), ok in zip(each, done, strict=True) if not ok or len(news) >= MOST - 1]
        if again:
            await self._outbox.hint(again)
        await self._outbox.relayed(sources)
        put = [one for (_, _, news), ok in zip(each, done, strict=True) if ok for one in news]
        if put:
            self._published(put)
        return len(sources)

    async def _new(self, each: Sequence[tuple[Source, Upto]]) -> list[tuple[Source, Upto, list[News]]]:
        """What the feed does not have. The last that it has is read, too: where the list says otherwise, the store has
        lost events that were told already, and all are told again; those that are the same have the same ids."""
        found = await self._sources.behind([(source, max(0, upto.seq - 1)) for source, upto in each])
        told: list[tuple[Source, Upto, list[News]]] = []
        for (source, upto), news in zip(each, found, strict=True):
            fresh = news
            if upto.seq:
                is_same = bool(news) and news[0].mark == upto.mark
                fresh = news[1:] if is_same else await self._sources.news_of(source)
            if fresh:
                told.append((source, upto, fresh))
        return told

    async def _trim(self) -> None:
        clock_s = asyncio.get_running_loop().time()
        if clock_s - self._trimmed_s < TRIM_S:
            return
        self._trimmed_s = clock_s
        unread_ms = self._unread_ms()
        before_ms = 0 if unread_ms is None else min(unread_ms, self._now_ms() - self._rules.keep_ms)
        while await self._outbox.trim(max(0, before_ms), self._rules.entries_max):
            pass
