"""Live events as they come over the wire (server-sent events), line by line. Pure: opens no connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

LISTEN_S = 45.0
"""Without a sign of the server for so long (it gives one every 15 s) the connection counts as lost."""
AGAIN_S = 2.0


class Event(msgspec.Struct, frozen=True):
    """One event, the same over a stream and by a webhook. `id` is the same however often it comes. `data`: what the API
    lists as the call's, or notice's, event."""

    type: str
    timestamp: str
    id: str
    data: dict[str, Any]


class Stream:
    """What one stream has told, over all its connections. `last_id`: from there the next one goes on. `gap`: events
    before the next one are lost, as the server keeps them no more."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.is_over = False
        self.again_s = AGAIN_S
        self.gap = False
        self._event, self._data = "", ""

    def headers(self) -> dict[str, str]:
        headers = {"Accept": "text/event-stream"}
        return headers | ({"Last-Event-ID": self.last_id} if self.last_id else {})

    def begin(self) -> None:
        """A new connection: what came half is forgotten."""
        self._event, self._data = "", ""

    def feed(self, line: str) -> Event | None:
        """An event, with the blank line that ends it."""
        if not line:
            return self._done()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "id":
            self.last_id = value
        elif name == "event":
            self._event = value
        elif name == "data":
            self._data += value
        elif name == "retry" and value.isdecimal():
            self.again_s = int(value) / 1000
        return None

    def _done(self) -> Event | None:
        event, data = self._event, self._data
        self.begin()
        self.is_over = self.is_over or event == "end"
        self.gap = self.gap or event == "gap"
        if not data or event in ("end", "gap"):
            return None
        try:
            return msgspec.json.decode(data, type=Event)
        except msgspec.MsgspecError:  # of a kind that this client does not know
            return None

    def events(self, lines: Iterable[bytes]) -> Iterator[Event]:
        for line in lines:
            if (event := self.feed(line.decode().rstrip("\r\n"))) is not None:
                yield event
