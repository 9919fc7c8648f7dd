"""Live events as they come over the wire (server-sent events, as the HTML standard has them), line by line. Pure: opens
no connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Message:
    """`id`: to be given back as Last-Event-ID by who goes on from here. One without `data` moves only that."""

    id: str
    event: str
    data: str


class Reader:
    """Fed with lines, without their ends. `last_id` moves with the blank line that ends a message: one that came half
    was not told."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self.again_s = AGAIN_S
        self.begin()

    def begin(self) -> None:
        """A new connection: what came half is forgotten."""
        self._event = ""
        self._data: list[str] = []
        self._id: str | None = None

    def feed(self, line: str) -> Message | None:
        """A message, with the blank line that ends it."""
        if not line:
            return self._done()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                self._id = value
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "retry" if value.isdecimal():
                self.again_s = int(value) / 1000
        return None

    def _done(self) -> Message | None:
        event, data, id = self._event, self._data, self._id
        self.begin()
        if id is not None:
            self.last_id = id
        return Message(self.last_id, event or "message", "\n".join(data)) if data or id is not None else None


class Stream:
    """What one stream has told, over all its connections. `last_id`: from there the next one goes on. `gap`: events
    before the next one are lost, as the server keeps them no more."""

    def __init__(self, last_id: str = "") -> None:
        self._reader = Reader(last_id)
        self.is_over = False
        self.gap = False

    @property
    def last_id(self) -> str:
        return self._reader.last_id

    @property
    def again_s(self) -> float:
        return self._reader.again_s

    def headers(self) -> dict[str, str]:
        headers = {"Accept": "text/event-stream"}
        return headers | ({"Last-Event-ID": self.last_id} if self.last_id else {})

    def begin(self) -> None:
        self._reader.begin()

    def feed(self, line: str) -> Event | None:
        """An event, with the blank line that ends it."""
        message = self._reader.feed(line)
        if message is None:
            return None
        self.is_over = self.is_over or message.event == "end"
        self.gap = self.gap or message.event == "gap"
        if not message.data or message.event in ("end", "gap"):
            return None
        try:
            return msgspec.json.decode(message.data, type=Event)
        except msgspec.MsgspecError:  # of a kind that this client does not know
            return None

    def events(self, lines: Iterable[bytes]) -> Iterator[Event]:
        for line in lines:
            if (event := self.feed(line.decode().rstrip("\r\n"))) is not None:
                yield event
