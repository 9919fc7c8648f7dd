"""One connection: what a peer may do to it, and for how long. Knows bytes and clocks; no route and no key.

A peer may be slow by nature or by malice. A request has to come whole within a time, an answer has to be taken within
it, and no address has more than its share of the connections: then nobody keeps the others out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ari_app.entrypoints.http.limits import customer_of
from ari_app.entrypoints.http.problems import Problem

HEAD_MAX = 32_768
"""Bytes of a request beside its body, and what came with the last of them."""
LINGER_S = 2
"""For a peer to read the last word before it is cut off."""
BUSY_AGAIN_S = 1
SLOWEST_BYTES_S = 512
"""Of an answer that fills all buffers: who takes less is cut off."""
ENDED = ("crowded", "late", "malformed")
"""Why we end a connection that its peer would keep."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`address_max`: connections of one address, 0 is no limit; those of `proxies` are many people's. `request_ms`: for
    a request to come whole, and again for its answer to be taken."""

    connections_max: int = 1_000
    address_max: int = 200
    request_ms: int = 20_000
    proxies: tuple[str, ...] = ()


class Peers:
    """Who is connected. `closed` hears why a connection was ended by us (ENDED)."""

    def __init__(self, limits: ConnectionLimits, closed: Callable[[str], None]) -> None:
        self.limits = limits
        self.closed = closed
        self.connections = 0
        self._count: Counter[str] = Counter()

    def enter(self, address: str) -> bool:
        """False: there is no room for one more."""
        who = customer_of(address)
        share = 0 if {address, who} & set(self.limits.proxies) else self.limits.address_max
        if self.connections >= self.limits.connections_max or (share and self._count[who] >= share):
            return False
        self.connections += 1
        self._count[who] += 1
        return True

    def leave(self, address: str) -> None:
        who = customer_of(address)
        self.connections -= 1
        self._count[who] -= 1
        if not self._count[who]:
            del self._count[who]


class Connection(HttpToolsProtocol):
    """uvicorn's on a parser in C: with the one in Python (h11) a call took 4 % more of our CPU. The parser itself would
    keep a head of any length, and wait for the rest of one for ever."""

    def __init__(self, peers: Peers, **given: Any) -> None:
        super().__init__(**given)
        self._peers = peers
        self._patience_s = peers.limits.request_ms / 1000
        self._address = ""
        self._is_in = False
        self._has_ended = False
        self._beside_body = 0
        self._due: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._is_in = self._peers.enter(self._address)
        if self._is_in:
            self._expect_a_request()
            return
        self.connections.discard(self)
        self._say_last("crowded", Problem("no-capacity", "Too many connections are open.", "", BUSY_AGAIN_S))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect_nothing()
        self.resume_writing()
        if self._is_in:
            self._peers.leave(self._address)

    # ---- what comes ---------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing() or self._has_ended:
            return
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > HEAD_MAX and not self.transport.is_closing() and not self._has_ended:
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._beside_body = 0
        self._expect_a_request()

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._beside_body -= len(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._expect_nothing()

    def send_400_response(self, msg: str) -> None:
        self._say_last("malformed", Problem("malformed-http", msg))

    def _expect_a_request(self) -> None:
        if self._due is None:
            self._due = self.loop.call_later(self._patience_s, self._late)

    def _expect_nothing(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _late(self) -> None:
        """Nothing is said to a peer who has said nothing: he waits for no answer."""
        is_answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self.scope is None or is_answered:
            self._peers.closed("late")
            self._close()
        else:
            self._say_last("late", Problem("request-timeout", "The request did not come whole in time."))

    # ---- what goes ----------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait_for_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None

    def _wait_for_reader(self, left: int) -> None:
        self._stuck = self.loop.call_later(self._patience_s, self._is_read_on, left)

    def _is_read_on(self, before: int) -> None:
        """Who is slow but reads goes on: a long answer over a thin line takes what it takes."""
        left = self.transport.get_write_buffer_size()
        if before - left >= SLOWEST_BYTES_S * self._patience_s:
            self._wait_for_reader(left)
        else:
            self._abort()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def _say_last(self, why: str, problem: Problem) -> None:
        """What he sends meanwhile is read and dropped: closed at once, his end might lose the answer."""
        self._peers.closed(why)
        self._has_ended = True
        self._expect_nothing()
        if self.cycle is not None:  # what waits for the rest of the request waits no longer
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = problem.response()
        answer.headers["Connection"] = "close"
        self.transport.write(_as_bytes(answer))
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self._abort)

    def _close(self) -> None:
        """What is on its way may still be taken; not for ever."""
        self.transport.close()
        self.loop.call_later(LINGER_S, self._abort)

    def _abort(self) -> None:
        self.transport.abort()


def _as_bytes(answer: Response) -> bytes:
    head = b"".join(name + b": " + value + b"\r\n" for name, value in answer.raw_headers)
    return b"HTTP/1.1 %d \r\n" % answer.status_code + head + b"\r\n" + bytes(answer.body)
