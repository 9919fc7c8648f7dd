"""What the app asks, cut into single questions: REST requests over a WebSocket, and Redis commands.

Knows the two wire formats; must not know what becomes of a question.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

from ari_app.adapters.redis.scripts import shipped

SCRIPTS = {script.sha: name for name, script in shipped().items()}


class Cutter(ABC):
    """Feed it bytes as they come; it gives (raw bytes, what they say) for each whole question, and keeps the rest."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[tuple[bytes, str]]:
        self._rest += chunk
        found = []
        while (length := self._length()) is not None:
            raw, self._rest = self._rest[:length], self._rest[length:]
            found.append((raw, self._said(raw)))
        return found

    @abstractmethod
    def _length(self) -> int | None:
        """Of the first whole question in what is there; None: it is not whole yet."""

    @abstractmethod
    def _said(self, raw: bytes) -> str: ...


class Frames(Cutter):
    """One direction of a WebSocket. What is no text says nothing: the upgrade, a ping, a pong, a close."""

    def __init__(self) -> None:
        super().__init__()
        self._upgraded = False

    def _length(self) -> int | None:
        if not self._upgraded:
            end = self._rest.find(b"\r\n\r\n")
            return None if end < 0 else end + 4
        head = _head(self._rest)
        return None if head is None or len(self._rest) < sum(head) else sum(head)

    def _said(self, raw: bytes) -> str:
        if not self._upgraded:
            self._upgraded = True
            return ""
        head = _head(raw)
        assert head is not None
        return self._text(raw[: head[0]], raw[head[0] :]) if raw[0] & 0x0F == 1 else ""

    @abstractmethod
    def _text(self, head: bytes, data: bytes) -> str: ...


class AriQuestions(Frames):
    """The client's side: `POST channels/c….caller.0 {body}`."""

    def _text(self, head: bytes, data: bytes) -> str:
        mask = head[-4:]
        asked = json.loads(bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))
        query = "".join(f" {one['name']}={one['value']}" for one in asked.get("query_strings", []))
        return f"{asked.get('method')} {asked.get('uri')}{query} {asked.get('message_body', '')}"


class AriEvents(Frames):
    """The server's side: each event as the JSON that it is; replies to requests say nothing."""

    def _text(self, head: bytes, data: bytes) -> str:
        return "" if b'"RESTResponse"' in data[:200] else data.decode(errors="replace")


class RedisQuestions(Cutter):
    """Commands as words; a script by its name: `script hold {p:u1}:a …`."""

    def _length(self) -> int | None:
        return _command_end(self._rest)

    def _said(self, raw: bytes) -> str:
        words = [word.decode(errors="replace") for word in raw.split(b"\r\n")[2::2]]
        if words[0] == "EVALSHA":
            return " ".join(["script", SCRIPTS.get(words[1], words[1]), *words[3:]])
        return " ".join(words)


def _head(frame: bytes) -> tuple[int, int] | None:
    """Length of a frame's head (a client's ends with a mask of four bytes) and of its payload (RFC 6455, 5.2)."""
    if len(frame) < 2:
        return None
    short, mask = frame[1] & 0x7F, 4 if frame[1] & 0x80 else 0
    more = {126: 2, 127: 8}.get(short, 0)
    if len(frame) < 2 + more:
        return None
    return 2 + more + mask, int.from_bytes(frame[2 : 2 + more], "big") if more else short


def _command_end(data: bytes) -> int | None:
    """Where the first command ends: `*2\\r\\n$3\\r\\nGET\\r\\n$1\\r\\nk\\r\\n`."""
    line_end = data.find(b"\r\n")
    if line_end < 0:
        return None
    at = line_end + 2
    for _ in range(int(data[1:line_end])):
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return None
        at = line_end + 2 + int(data[at + 1 : line_end]) + 2
    return at if at <= len(data) else None
