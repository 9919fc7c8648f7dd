"""From the feed into the lanes of the webhooks that want it. Knows places in the feed; sends nothing.

Each webhook has a place of its own there. Those that stand at one place are served by one read; one that cannot be
served now stays behind, and keeps none of the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.domain.tenants import OPERATOR
from ari_app.ports.feed import Entry, Feed, News
from ari_app.ports.webhooks import Webhook, Webhooks

log = structlog.get_logger()

AT_ONCE = 500
LOOK_S = 1.0
"""A change of the webhooks is heeded after so long."""
AGAIN_S = 1.0
FAR_MS = 2**52
NOTE_S = 30.0
"""So often the place of one that wanted nothing is written down."""


@dataclass
class _At:
    """`read`: up to there it was looked after; `stored`: up to there the store knows of it."""

    read: str
    stored: str


class Intake:
    """`changed`: told of all webhooks whenever any has changed. `taken`: told whose lanes have something new."""

    def __init__(
        self, feed: Feed, webhooks: Webhooks, *, now_ms: Callable[[], int],
        changed: Callable[[Sequence[Webhook]], None], taken: Callable[[str], None],
        missed: Callable[[str], None] = lambda _id: None,
    ) -> None:  # fmt: skip
        self._feed = feed
        self._webhooks = webhooks
        self._now_ms = now_ms
        self._changed = changed
        self._taken = taken
        self._missed = missed
        self._woken = asyncio.Event()
        self._revision: int | None = None
        self._looked_s = self._noted_s = float("-inf")
        self._hooks: dict[str, Webhook] = {}
        self._at: dict[str, _At] = {}

    def wake(self) -> None:
        """Something has come into the feed, or a webhook has changed."""
        self._woken.set()

    def unread_ms(self) -> int | None:
        """What was put into the feed since then (ms), or in that ms, may have to be read; None: not known yet."""
        if self._revision is None:
            return None
        return min((int(at.read.partition("-")[0]) for at in self._at.values()), default=FAR_MS)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._woken.clear()
                if await self.turn():
                    continue
                wait_s = LOOK_S
            except Unavailable as e:
                log.warning("events not taken up for webhooks, trying again", why=str(e))
                self._revision = None  # the store may have gone back a second, places and all
                self._at.clear()
                self._looked_s = float("-inf")
                wait_s = AGAIN_S
            except Exception:
                log.exception("events not taken up for webhooks for a fault, trying again")
                wait_s = AGAIN_S
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def turn(self) -> bool:
        """Whether there may be more at once. Raises Unavailable."""
        clock_s = asyncio.get_running_loop().time()
        if clock_s - self._looked_s >= LOOK_S:
            await self._look()
            self._looked_s = clock_s
        groups: dict[str, list[str]] = {}
        for id, at in self._at.items():
            groups.setdefault(at.read, []).append(id)
        is_more = False
        for place, ids in groups.items():
            is_more |= await self._serve(place, ids)
        if clock_s - self._noted_s >= NOTE_S:
            self._noted_s = clock_s
            await self._put({id: [] for id, at in self._at.items() if at.read != at.stored}, None)
        return is_more

    async def _look(self) -> None:
        revision = await self._webhooks.revision()
        if revision == self._revision:
            return
        hooks = {one.id: one for one in await self._webhooks.all()}
        self._at = {id: at for id, at in self._at.items() if id in hooks}
        for id in hooks.keys() - self._at.keys():
            if (place := await self._webhooks.place(id)) is not None:
                self._at[id] = _At(place, place)
        self._hooks, self._revision = hooks, revision
        self._changed(list(hooks.values()))

    async def _serve(self, place: str, ids: Sequence[str]) -> bool:
        """Those who stand there. Whether more may be there for any that can be served."""
        page = await self._feed.read(place, AT_ONCE)
        if page.is_gap:
            for id in ids:
                log.error("events were gone before they were taken up", webhook=id)
                self._missed(id)
        if page.upto == place:
            return False
        wanted = self._wanted(ids, page.entries)
        for id in ids:
            if id not in wanted:
                self._at[id].read = page.upto
        is_put = await self._put(wanted, page.upto)
        return len(page.entries) >= AT_ONCE and (is_put or len(wanted) < len(ids))

    def _wanted(self, ids: Iterable[str], entries: Sequence[Entry]) -> dict[str, list[News]]:
        of: dict[str, list[Webhook]] = {}
        for id in ids:
            hook = self._hooks[id]
            of.setdefault(hook.tenant, []).append(hook)
        wanted: dict[str, list[News]] = {}
        for news in (entry.news for entry in entries):
            for tenant in dict.fromkeys((OPERATOR, news.tenant)):
                for hook in of.get(tenant, ()):
                    if hook.wants(news):
                        wanted.setdefault(hook.id, []).append(news)
        return wanted

    async def _put(self, wanted: dict[str, list[News]], upto: str | None) -> bool:
        """`upto` None: as far as each was looked after. Whether any was served."""
        asked = (self._take_in(id, news, upto or self._at[id].read) for id, news in wanted.items())
        return any(await asyncio.gather(*asked))

    async def _take_in(self, id: str, news: Sequence[News], upto: str) -> bool:
        """Whether the store has answered."""
        at = self._at[id]
        try:
            if await self._webhooks.take_in(id, at.stored, upto, news, self._now_ms()):
                self._at[id] = _At(upto, upto)
                if news:
                    self._taken(id)
                return True
            place = await self._webhooks.place(id)  # an answer was lost, or the webhook is gone
        except Unavailable as e:
            log.warning("events not taken up for a webhook, trying again", webhook=id, why=str(e))
            return False
        if place is None:
            self._at.pop(id, None)
        else:
            self._at[id] = _At(place, place)
            self._taken(id)
        return True
