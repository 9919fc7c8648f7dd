"""Which events a replay is about: read from the feed or from a call's own list, never from what was sent before. Knows
what was asked for; puts them into the webhook's lanes under the ids that they always had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ari_app.domain.tenants import OPERATOR
from ari_app.ports.feed import Feed, News, Source
from ari_app.ports.webhooks import Webhook, Webhooks

REPLAY_MAX = 10_000
"""Of one request; what follows goes into the next one."""
LOOKED_AT_MAX = 100_000
"""Entries of the feed that one request looks at: most may be others'."""
AT_ONCE = 500
EVENT_ID = re.compile(r"evt_([a-z0-9]{1,64})_([1-9][0-9]{0,8})_[0-9a-f]{8}")
NOTICE = "n"
"""What a notice's id begins with, and no call's."""


class Lists(Protocol):
    """Of hooks.sources.Sources."""

    async def news_of(self, source: Source, after: int = 0, most: int = 500) -> list[News]: ...


@dataclass(frozen=True, slots=True)
class Replayed:
    """`count` went into their lanes. `missing`: ids of which nothing is kept. `is_gap`: the feed does not reach back to
    where it was asked for. `place`: there was more than one request takes; the next one goes on there."""

    count: int = 0
    missing: Sequence[str] = ()
    is_gap: bool = False
    place: str | None = None


class Replays:
    def __init__(self, webhooks: Webhooks, feed: Feed, lists: Lists) -> None:
        self._webhooks = webhooks
        self._feed = feed
        self._lists = lists

    async def dead(self, webhook: Webhook, at_ms: int) -> Replayed:
        """All that were given up, those given up first before the others, as far as one request takes them."""
        news: list[News] = []
        cursor: str | None = None
        while len(news) < REPLAY_MAX:
            page = await self._webhooks.deliveries(webhook.id, outcome="dead", cursor=cursor, limit=AT_ONCE)
            news += [one.news for one in page.attempts]
            cursor = page.next_cursor
            if cursor is None:
                break
        return Replayed(await self._put(webhook, news[::-1], at_ms))

    async def events(self, webhook: Webhook, ids: Sequence[str], at_ms: int) -> Replayed:
        """By their ids, whether or not the webhook asks for such events."""
        found, missing = [], []
        for id in ids:
            news = await self._event(webhook, id)
            if news is None:
                missing.append(id)
            else:
                found.append(news)
        return Replayed(await self._put(webhook, found, at_ms), missing)

    async def source(self, webhook: Webhook, source: Source, at_ms: int) -> Replayed:
        """All of a call or notice that the webhook asks for."""
        news: list[News] = []
        after = 0
        while len(news) < REPLAY_MAX and (part := await self._lists.news_of(source, after, AT_ONCE)):
            news += part
            after = part[-1].seq
        return Replayed(await self._put(webhook, [one for one in news if webhook.wants(one)], at_ms))

    async def since(
        self, webhook: Webhook, since_ms: int, until_ms: int, at_ms: int, place: str | None = None
    ) -> Replayed:
        """What happened in that time, as far as the feed reaches. Raises CallerError for a place that was not given
        out."""
        count, looked_at, is_gap = 0, 0, False
        place = await self._feed.place_at(since_ms) if place is None else place
        while True:
            page = await self._feed.read(place, AT_ONCE)
            is_gap, looked_at, place = is_gap or page.is_gap, looked_at + len(page.entries), page.upto
            if not page.entries:
                return Replayed(count, (), is_gap)
            news = [one.news for one in page.entries if since_ms <= one.news.at_ms < until_ms]
            count += await self._put(webhook, [one for one in news if webhook.wants(one)], at_ms)
            if count >= REPLAY_MAX or looked_at >= LOOKED_AT_MAX:
                return Replayed(count, (), is_gap, place)

    async def _event(self, webhook: Webhook, id: str) -> News | None:
        read = EVENT_ID.fullmatch(id)
        if read is None:
            return None
        source = source_of(read[1])
        found = await self._lists.news_of(source, int(read[2]) - 1, 1)
        return next((one for one in found if one.id == id and webhook.tenant in (OPERATOR, one.tenant)), None)

    async def _put(self, webhook: Webhook, news: Sequence[News], at_ms: int) -> int:
        count = 0
        for first in range(0, len(news), AT_ONCE):
            count += await self._webhooks.replay(webhook.id, news[first : first + AT_ONCE], at_ms)
        return count


def source_of(id: str) -> Source:
    return Source("notice" if id.startswith(NOTICE) else "call", id)
