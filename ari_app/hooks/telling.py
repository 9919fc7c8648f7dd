"""One process at a time relays, takes in and sends; the others stand by. Knows the lease; what is done under it is in
relay.py, intake.py and couriers.py.

No number fences a receiver: whoever does not know any more that the lease is his sends nothing, and what he had under
way may come twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.engine.nodes import LeaseKeeper
from ari_app.hooks.couriers import CourierRules, Couriers, CourierWatch, Means, Sign
from ari_app.hooks.intake import Intake
from ari_app.hooks.relay import FeedRules, Relay
from ari_app.hooks.sources import Sources
from ari_app.ports.feed import Feed, News, Outbox, Stories
from ari_app.ports.leases import Leases
from ari_app.ports.sender import Sender
from ari_app.ports.webhooks import Standing, Webhooks

log = structlog.get_logger()

LEASE = "~events"
"""No node has such a name."""
TTL_MS, MARGIN_MS = 6_000, 1_000
STAND_BY_S = 1.0
COUNT_S = 10.0


class Watch(CourierWatch, Protocol):
    """Told, not asked. Used for metrics."""

    def published(self, news: Sequence[News]) -> None: ...

    def missed(self, id: str) -> None: ...

    def leads(self, is_ours: bool) -> None: ...

    def standing(self, each: Mapping[str, Standing], unrelayed: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Stores:
    outbox: Outbox
    feed: Feed
    webhooks: Webhooks
    sources: Sources
    stories: Stories


class Telling:
    """Of this process. `wake` whenever something was hinted at here."""

    def __init__(
        self, stores: Stores, sender: Sender, sign: Sign, *, leases: Leases, owner: str, now_ms: Callable[[], int],
        feed: FeedRules | None = None, rules: CourierRules | None = None, watch: Watch | None = None,
    ) -> None:  # fmt: skip
        rules = rules or CourierRules()
        self._lease = LeaseKeeper(leases, LEASE, owner, ttl_ms=TTL_MS, margin_ms=MARGIN_MS)
        self._watch = watch
        self._now_ms = now_ms
        self._stores = stores
        self._feed = feed or FeedRules()
        self._means = Means(
            stores.webhooks, stores.stories, sender, sign, rules, now_ms, self._lease.is_ours, watch,
            asyncio.Semaphore(rules.at_once),
        )  # fmt: skip
        self._relay: Relay | None = None

    @property
    def is_ours(self) -> bool:
        return self._lease.is_ours()

    def wake(self) -> None:
        if self._relay is not None:
            self._relay.wake()

    async def run(self) -> None:
        """Until cancelled; then the lease is given back."""
        try:
            while True:
                await self._stand_by()
                await self._lead()
        finally:
            with suppress(Unavailable):
                await self._lease.release()

    async def _stand_by(self) -> None:
        while True:
            with suppress(Unavailable):
                if await self._lease.take() is None:
                    return
            await asyncio.sleep(STAND_BY_S)

    async def _lead(self) -> None:
        log.info("relaying events")
        couriers = Couriers(self._means)
        intake = Intake(
            self._stores.feed, self._stores.webhooks, now_ms=self._now_ms, changed=couriers.serve, taken=couriers.wake,
            missed=self._missed,
        )  # fmt: skip

        def published(news: Sequence[News]) -> None:
            intake.wake()
            if self._watch is not None:
                self._watch.published(news)

        self._relay = relay = Relay(
            self._stores.outbox, self._stores.sources, self._feed, now_ms=self._now_ms, published=published,
            unread_ms=intake.unread_ms,
        )  # fmt: skip
        over = asyncio.get_running_loop().create_future()

        def lost(why: str) -> None:
            if not over.done():
                over.set_result(why)

        work = [asyncio.create_task(one) for one in (self._lease.keep(lost), relay.run(), intake.run(), self._count())]
        self._tell(True)
        try:
            await asyncio.wait({over, *work}, return_when=asyncio.FIRST_COMPLETED)
            for task in work:
                if task.done():
                    task.result()  # what none of them survives ends the process
            log.warning("another process relays events now", why=over.result() if over.done() else "")
        finally:
            self._relay = None
            couriers.close()
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            self._tell(False)

    async def _count(self) -> None:
        """What waits, for whoever looks at the metrics."""
        while True:
            with suppress(Unavailable):
                hooks = await self._stores.webhooks.all()
                each = {one.id: await self._stores.webhooks.standing(one.id) for one in hooks}
                if self._watch is not None:
                    self._watch.standing(each, await self._stores.outbox.waiting())
            await asyncio.sleep(COUNT_S)

    def _missed(self, id: str) -> None:
        if self._watch is not None:
            self._watch.missed(id)

    def _tell(self, is_ours: bool) -> None:
        if self._watch is not None:
            self._watch.leads(is_ours)
