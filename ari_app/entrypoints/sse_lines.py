"""Server-sent events as a client reads them, line by line (the HTML standard, “Server-sent events”). Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """`id`: to be given back as Last-Event-ID by who goes on from here. One without `data` moves only that."""

    id: str
    event: str
    data: str


class Reader:
    """Fed with lines, without their ends."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._event = ""
        self._data: list[str] = []
        self._has_id = False

    def feed(self, line: str) -> Message | None:
        """A message, with the blank line that ends it."""
        if not line:
            return self._done()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                self.last_id, self._has_id = value, True
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
        return None

    def _done(self) -> Message | None:
        event, data, has_id = self._event, self._data, self._has_id
        self._event, self._data, self._has_id = "", [], False
        return Message(self.last_id, event or "message", "\n".join(data)) if data or has_id else None
