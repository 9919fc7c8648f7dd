"""One WebSocket to Asterisk, from established to over: reads, pings, and says why it ended. Knows no reconnecting.

The reader is a plain receive -> queue loop (Asterisk cuts off a reader that stalls); replies go to their requests at
once, events into the queue, frames that make no sense are counted. Nothing that a peer sends raises out of it.
"""

from __future__ import annotations

import asyncio
import contextlib

import aiohttp
import structlog
from aiohttp import WSMsgType

from ari_app.adapters.ari.events import ApplicationReplaced
from ari_app.adapters.ari.requests import BeforeSend, Requests
from ari_app.adapters.ari.settings import LinkSettings, LinkStatus
from ari_app.adapters.ari.stream import EventQueue
from ari_app.adapters.ari.wire import RESTResponse, UnknownEvent, decode

log = structlog.get_logger(__name__)

WebSocket = aiohttp.ClientWebSocketResponse[bool]

REPLACED = "another connection took over this application"
STALLED = "stalled: ping not answered"
ENDED = "closed by the other side"
OVERFLOWED = "events were not taken in time"
READ_WITHIN_S = 1.0


class Connection:
    def __init__(
        self,
        websocket: WebSocket,
        queue: EventQueue,
        before_send: BeforeSend | None,
        settings: LinkSettings,
        status: LinkStatus,
    ) -> None:
        self._websocket = websocket
        self._queue = queue
        self._settings = settings
        self._status = status
        self._stop: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._unanswered_since = 0.0
        self._ran_at, self._doubtful_until = asyncio.get_running_loop().time(), 0.0
        self.requests = Requests(self._write, before_send, settings, status)

    async def _write(self, frame: bytes) -> None:
        await self._websocket.send_frame(frame, WSMsgType.TEXT)

    @property
    def is_over(self) -> bool:
        return self._stop.done()

    @property
    def silent_ms(self) -> int:
        """For how long a ping has been waiting for its answer; 0: none is."""
        since = self._unanswered_since
        return int(1000 * (asyncio.get_running_loop().time() - since)) if since else 0

    def stop(self, why: str) -> None:
        """Ends the connection from within; what waits for a reply fails with LinkLost now."""
        self.requests.fail_all(why)
        if not self._stop.done():
            self._stop.set_result(why)

    async def serve(self) -> str:
        """Runs until the connection is over; the reason. Leaves no task and no socket behind."""
        tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._tend())]
        why = "cancelled"
        try:
            done, _ = await asyncio.wait([*tasks, self._stop], return_when=asyncio.FIRST_COMPLETED)
            why = self._stop.result() if self._stop in done else next(task for task in tasks if task in done).result()
        finally:
            self.stop(why)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(OSError, aiohttp.ClientError):
                await self._websocket.close()
        return why

    async def _read(self) -> str:
        receive = self._websocket.receive
        while True:
            message = await receive()
            if message.type is WSMsgType.TEXT:
                if why := self._take(message.data):
                    return why
            elif message.type is WSMsgType.PONG:
                self._alive()
            elif message.type is WSMsgType.PING:
                await self._websocket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                self._status.malformed_frames += 1
            else:
                self._saw_it_close()
                return f"{ENDED}: {self._websocket.close_code or message.type.name}"

    def _take(self, data: str | bytes) -> str:
        """The reason to end the connection, or nothing."""
        event = decode(data)
        if isinstance(event, RESTResponse):
            self._alive()
            self.requests.answer(event)
            return ""
        if event is None:
            self._status.malformed_frames += 1
            log.warning("ari frame not understood", size=len(data), total=self._status.malformed_frames)
            return ""
        self._status.events += 1
        self._heard()
        if isinstance(event, UnknownEvent):
            self._count_unknown(event)
        if not self._queue.put(event):
            return OVERFLOWED
        return REPLACED if isinstance(event, ApplicationReplaced) else ""

    def _count_unknown(self, event: UnknownEvent) -> None:
        self._status.unknown_events += 1
        known = self._status.unknown_types
        if event.type not in known and len(known) < _UNKNOWN_TYPES_KEPT:
            known.add(event.type)
            log.warning("ari event of unknown type or shape", type=event.type[:80])

    def _alive(self) -> None:
        self._unanswered_since = 0.0
        self._heard()

    def _heard(self) -> None:
        """What is read after we were held up (stopped, swapped out) may have been said just before that: nobody knows
        how long it lay unread, and nobody is charged for that time."""
        lay_s = asyncio.get_running_loop().time() - self._ran_at
        now_ms, status = self._status.now_ms(), self._status
        was_read_late = lay_s > self._patience_s
        status.last_heard_ms = max(status.last_heard_ms, now_ms - int(1000 * lay_s)) if was_read_late else now_ms

    @property
    def _patience_s(self) -> float:
        """Between two runs of our own; more means that we were held up."""
        return 1 + 2 * self._settings.tick_ms / 1000

    def _ran(self, now: float) -> bool:
        """Whether we were held up just before. What lay unread is read within the next second."""
        was_held_up = now - self._ran_at > self._patience_s
        if was_held_up and not self._doubtful_until:
            self._doubtful_until = now + READ_WITHIN_S
        if now >= self._doubtful_until:
            self._ran_at, self._doubtful_until = now, 0.0
        return was_held_up

    def _saw_it_close(self) -> None:
        """A process that is killed has its sockets closed for it: up to now it lived, unless it owed us an answer."""
        if self.silent_ms <= self._settings.tick_ms:
            self._heard()

    async def _tend(self) -> str:
        """Pings, and ends what has waited too long."""
        loop = asyncio.get_running_loop()
        tick_s = self._settings.tick_ms / 1000
        ping_at = loop.time()
        while True:
            now = loop.time()
            self.requests.expire()
            was_held_up = self._ran(now)  # by ourselves: the pong may lie unread in our own buffer
            waited_s = now - self._unanswered_since if self._unanswered_since else 0.0
            if waited_s * 1000 >= self._settings.stalled_ms and not was_held_up:
                return STALLED
            if now >= ping_at:
                ping_at = now + self._settings.ping_ms / 1000
                self._unanswered_since = self._unanswered_since or now
                await self._ping(tick_s)
            await asyncio.sleep(tick_s)

    async def _ping(self, patience_s: float) -> None:
        """A socket whose buffer is full makes the ping wait; the missing pong is what counts then."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(patience_s):
                await self._websocket.ping()


_UNKNOWN_TYPES_KEPT = 100
