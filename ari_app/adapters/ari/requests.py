"""Requests over the WebSocket: waiting in line, sent, answered. Knows turns and deadlines; must not know reconnecting.

Asterisk serves one request at a time per socket, so all but `in_flight_max` wait here, where they can still be refused:
the `before_send` hook is asked right before each frame is written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ari_app.adapters.ari.errors import LinkLost, RequestTimeout
from ari_app.adapters.ari.operations import Request
from ari_app.adapters.ari.settings import LinkSettings, LinkStatus
from ari_app.adapters.ari.wire import RESTResponse, frame_of, reply_of

R = TypeVar("R")

Write = Callable[[bytes], Awaitable[None]]
BeforeSend = Callable[[], None]


class Requests:
    """The requests of one connection; dies with it."""

    def __init__(
        self, write: Write, before_send: BeforeSend | None, settings: LinkSettings, status: LinkStatus
    ) -> None:
        self._write = write
        self._before_send = before_send
        self._settings = settings
        self._status = status
        self._loop = asyncio.get_running_loop()
        self._line: deque[tuple[asyncio.Future[None], float]] = deque()
        self._pending: dict[str, tuple[asyncio.Future[RESTResponse], float]] = {}
        self._in_flight = 0
        self._last_id = 0
        self._lost = ""

    async def send(self, request: Request[R]) -> R:
        deadline = self._loop.time() + self._settings.request_ms / 1000
        await self._take_turn(deadline)
        try:
            response = await self._exchange(request, deadline)
        finally:
            self._give_turn()
        return reply_of(request, response.status_code, response.reason_phrase, response.message_body)

    async def _exchange(self, request: Request[R], deadline: float) -> RESTResponse:
        if self._lost:
            raise LinkLost(self._lost, sent=False)
        if self._before_send is not None:
            self._before_send()
        self._last_id += 1
        request_id = str(self._last_id)
        reply: asyncio.Future[RESTResponse] = self._loop.create_future()
        self._pending[request_id] = (reply, deadline)
        self._status.requests += 1
        try:
            await self._write(frame_of(request, request_id))
            return await reply
        except OSError as fault:
            raise LinkLost(f"the link broke while writing: {fault}", sent=True) from fault
        finally:
            self._pending.pop(request_id, None)

    async def _take_turn(self, deadline: float) -> None:
        if self._in_flight < self._settings.in_flight_max and not self._line:
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = self._loop.create_future()
        self._line.append((turn, deadline))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._give_turn()  # cancelled just after the turn had been given
            raise

    def _give_turn(self) -> None:
        """The slot passes on to the first in line who still waits."""
        while self._line:
            turn, _ = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._in_flight -= 1

    @property
    def oldest_s(self) -> float:
        """How long the oldest request that has no answer yet has been waiting, in line or in Asterisk."""
        first = next(iter(self._pending.values()), None) or (self._line[0] if self._line else None)
        return 0.0 if first is None else self._loop.time() - first[1] + self._settings.request_ms / 1000

    def answer(self, response: RESTResponse) -> None:
        entry = self._pending.get(response.request_id)
        if entry is None or entry[0].done():
            self._status.late_replies += 1
        else:
            entry[0].set_result(response)

    def expire(self) -> None:
        """Ends what waits beyond its deadline. One call a tick is cheaper than one timer a request."""
        now = self._loop.time()
        for reply, deadline in self._pending.values():
            if deadline <= now and not reply.done():
                self._status.requests_failed += 1
                reply.set_exception(RequestTimeout("no reply in time", sent=True))
        for turn, deadline in self._line:
            if deadline <= now and not turn.done():
                self._status.requests_failed += 1
                turn.set_exception(RequestTimeout("not sent in time", sent=False))

    def fail_all(self, why: str) -> None:
        """The link is gone: everybody hears at once. Idempotent."""
        self._lost = why
        for reply, _ in self._pending.values():
            if not reply.done():
                self._status.requests_failed += 1
                reply.set_exception(LinkLost(why, sent=True))
        while self._line:
            turn, _ = self._line.popleft()
            if not turn.done():
                self._status.requests_failed += 1
                turn.set_exception(LinkLost(why, sent=False))
