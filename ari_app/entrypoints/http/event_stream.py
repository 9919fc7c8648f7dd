"""Events as they come, to one client (text/event-stream). Knows bytes, heartbeats and ends; no key, call or feed.

It goes on for as long as the client reads and may read. Who does not take what is sent is cut off by the connection
(http_request_timeout_s); what waits for him meanwhile is bounded by the watcher.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.spoken import spoken
from ari_app.entrypoints.http.streams import STREAMED, Kind, Stream, Streams
from ari_app.hooks.seats import Batch, Watcher

log = structlog.get_logger()

MEDIA_TYPE = "text/event-stream"
RETRY_MS = 2_000
AGAIN_S = 1.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A reverse proxy that keeps what it gets back until it has a page of it would make live events late ones."""
HEARTBEAT = b":\n\n"
GAP = b'event: gap\ndata: {"type":"gap","detail":"Events before the next one are not kept any more."}\n\n'


class EventStream(Response):
    """`text`: of a batch; b"": nothing of it is for the client. `last`: of the batch after which nothing comes, what is
    said at the end; None: more comes. `holds`: whether the client still may read."""

    media_type = MEDIA_TYPE

    def __init__(
        self, watcher: Watcher, kind: Kind, owner: str, most: int, *, text: Callable[[Batch], bytes],
        last: Callable[[Batch], bytes | None] = lambda _batch: None, holds: Callable[[], Awaitable[bool]],
    ) -> None:  # fmt: skip
        self.status_code = 200
        self.background = None
        self.init_headers(HEADERS)
        self._watcher = watcher
        self._as = owner, kind, most
        self._text, self._last, self._holds = text, last, holds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streams: Streams = scope["state"]["streams"]
        owner, kind, most = self._as
        try:
            stream = streams.enter(owner, kind, most, self._watcher.leave)
        except Problem as problem:
            self._watcher.leave()
            return await problem.response(spoken(scope))(scope, receive, send)
        gone = asyncio.create_task(_until_gone(receive))
        gone.add_done_callback(lambda _task: stream.end("gone"))
        scope[STREAMED] = True
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await _say(send, b"retry: %d\n\n" % RETRY_MS)
            await self._tell(stream, streams.limits.heartbeat_s, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            gone.cancel()
            streams.left(stream)
            self._watcher.leave()

    async def _tell(self, stream: Stream, heartbeat_s: float, send: Send) -> None:
        checked_s = time.monotonic()
        while not stream.why:
            batch = await self._next(heartbeat_s)
            if stream.why:
                return None
            end = self._last(batch)
            await _say(send, (self._text(batch) or HEARTBEAT) + (end or b""))
            if end is not None:
                return stream.end("told")
            if time.monotonic() - checked_s >= heartbeat_s:
                checked_s = time.monotonic()
                if not await self._may_go_on():
                    return stream.end("key")
        return None

    async def _next(self, idle_s: float) -> Batch:
        """The store may be away for a while; the client stays."""
        try:
            return await self._watcher.next(idle_s)
        except Unavailable as e:
            log.debug("a stream waits for the store", why=str(e))
            await asyncio.sleep(AGAIN_S)
            return Batch()

    async def _may_go_on(self) -> bool:
        try:
            return await self._holds()
        except Unavailable:
            return True


def event(id: str, name: str, data: bytes) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (id.encode(), name.encode(), data)


def is_wanted(request: Request) -> bool:
    return MEDIA_TYPE in request.headers.get("accept", "")


async def _say(send: Send, text: bytes) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
