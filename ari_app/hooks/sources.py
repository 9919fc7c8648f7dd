"""The lists of events that calls and notices keep, read as news: what an event is called outside, and whose it is.
Knows how an event is stored; must not know what is told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec
import structlog

from ari_app.domain.tenants import OPERATOR, tenant_of
from ari_app.ports.calls import Calls
from ari_app.ports.feed import News, Source
from ari_app.ports.notices import Happened, Notices

MOST = 500
"""Events of one source that are read at once."""


class Stored(msgspec.Struct):
    """Of an event of a call, what is known of it here (see engine/records.py)."""

    state: str
    at_ms: int
    what: str = ""
    tenant: str = OPERATOR


Read = TypeVar("Read")

log = structlog.get_logger()
_stored = msgspec.json.Decoder(Stored).decode


class Sources:
    def __init__(self, calls: Calls, notices: Notices) -> None:
        self._calls = calls
        self._notices = notices

    async def news_of(self, source: Source, after: int = 0, most: int = MOST) -> list[News]:
        """Its events behind number `after`, oldest first; none where it is not kept any more."""
        return (await self.behind([(source, after)], most))[0]

    async def behind(self, each: Sequence[tuple[Source, int]], most: int = MOST) -> list[list[News]]:
        """The same of several."""
        of_calls = [(source.id, after, most) for source, after in each if source.kind == "call"]
        told = iter(await self._calls.events_of(of_calls) if of_calls else ())
        return [
            readable(source, enumerate(next(told), start=after + 1), call_news)
            if source.kind == "call"
            else await self._of_notice(source, after, most)
            for source, after in each
        ]

    async def _of_notice(self, source: Source, after: int, most: int) -> list[News]:
        try:
            events = await self._notices.events(source.id, after)
        except msgspec.MsgspecError as e:
            log.error("the events of a notice cannot be read and are told nobody", source=str(source), why=str(e))
            return []
        found = await self._notices.find(source.id) if events else None
        tenant = OPERATOR if found is None else tenant_of(found[0].sender)
        return [notice_news(source, seq, event, tenant) for seq, event in events[:most]]


def readable(
    source: Source, events: Iterable[tuple[int, bytes]], read: Callable[[Source, int, bytes], Read]
) -> list[Read]:
    """One that is damaged is left out: it must keep no other from being told."""
    found = []
    for seq, raw in events:
        try:
            found.append(read(source, seq, raw))
        except (msgspec.DecodeError, ValueError) as e:
            log.error("an event cannot be read and is told nobody", source=str(source), seq=seq, why=str(e))
    return found


def call_news(source: Source, seq: int, raw: bytes) -> News:
    one = _stored(raw)
    return News(source, seq, one.tenant, f"call.{one.what or one.state}", one.at_ms)


def notice_news(source: Source, seq: int, event: Happened, tenant: str) -> News:
    return News(source, seq, tenant, f"notice.{event.type.removeprefix('notice_')}", event.at_ms)
