"""What an event says, as webhooks and live streams tell it: the body is the same everywhere, and the same as often as
it is told. It is read from the list of the call or notice when it is told, so that what was forgotten is told nobody.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ari_app.entrypoints import views, views_notice
from ari_app.hooks.sources import call_news, notice_news, readable
from ari_app.ports.calls import Calls
from ari_app.ports.feed import News
from ari_app.ports.notices import Notices

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Story(msgspec.Struct, rename={"type_": "type"}):
    """`id`: the event's, in whatever request or stream it comes."""

    type_: str
    timestamp: views.Time
    id: str
    data: views.EventView | views_notice.NoticeEventView


class KeptStories:
    """The Stories port."""

    def __init__(self, calls: Calls, notices: Notices) -> None:
        self._calls = calls
        self._notices = notices

    async def tell(self, news: Sequence[News]) -> Sequence[bytes | None]:
        asked = [(one.source.id, one.seq - 1, 1) for one in news if one.source.kind == "call"]
        told = iter(await self._calls.events_of(asked) if asked else ())
        return [_of_call(one, next(told)) if one.source.kind == "call" else await self._of_notice(one) for one in news]

    async def _of_notice(self, news: News) -> bytes | None:
        for seq, event in (await self._notices.events(news.source.id, news.seq - 1))[:1]:
            if notice_news(news.source, seq, event, news.tenant) == news:
                return _body(news, views_notice.event_view(news.source.id, seq, event, news.tenant))
        return None


def _of_call(news: News, found: Sequence[bytes]) -> bytes | None:
    """Another one of that number, after the store has lost what this was: it is told as its own."""
    if news not in readable(news.source, [(news.seq, raw) for raw in found], call_news):
        return None
    return _body(news, views.event_view(news.seq, _decode(found[0])))


def _body(news: News, data: views.EventView | views_notice.NoticeEventView) -> bytes:
    return _encode(Story(news.type, views.rfc3339(news.at_ms), news.id, data))
