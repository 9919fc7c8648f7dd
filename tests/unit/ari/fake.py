"""An ARI server in this process that does what a test tells it to, also what no Asterisk does. Knows frames only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, Self

from aiohttp import WSMsgType, web

from ari_app.adapters.ari import LinkSettings

Frame = dict[str, Any]

BRISK = LinkSettings(
    connect_ms=500, request_ms=2_000, ping_ms=50, stalled_ms=150, close_ms=50, retry_first_ms=10, retry_max_ms=50
)
"""Real behaviour, in tenths of a second."""


class FakeAsterisk:
    """`answer` makes the body of a reply (200) from a request frame; None: no reply ever."""

    def __init__(self, answer: Callable[[Frame], Any] | None = lambda frame: None) -> None:
        self.answer = answer or (lambda frame: None)
        self.pongs = True
        self.refusing = 0
        self.doors = asyncio.Event()
        self.doors.set()
        self.requests: list[Frame] = []
        self.connections = 0
        self.sockets: list[web.WebSocketResponse] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/ari/events", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/ari"
        return self

    async def __aexit__(self, *_: object) -> None:
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.connections += 1
        await self.doors.wait()
        if self.refusing:
            return web.Response(status=self.refusing)
        socket = web.WebSocketResponse(autoping=False, timeout=0.05)
        await socket.prepare(request)
        self.sockets.append(socket)
        async for message in socket:
            if message.type is WSMsgType.PING and self.pongs:
                await socket.pong(message.data)
            elif message.type is WSMsgType.TEXT:
                await self._reply(socket, json.loads(message.data))
        self.sockets.remove(socket)
        return socket

    async def _reply(self, socket: web.WebSocketResponse, frame: Frame) -> None:
        self.requests.append(frame)
        body = self.answer(frame)
        if body is None:
            return
        status, body = body if isinstance(body, tuple) else (200, body)
        await socket.send_json(
            {
                "type": "RESTResponse",
                "request_id": frame["request_id"],
                "status_code": status,
                "reason_phrase": "Because",
                "uri": frame["uri"],
                "message_body": json.dumps(body),
            }
        )

    async def say(self, *frames: str | Frame) -> None:
        """Sends to the newest connection; a dict as JSON, a string as it is."""
        for frame in frames:
            await self.sockets[-1].send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def hang_up(self) -> None:
        await asyncio.gather(*(socket.close() for socket in list(self.sockets)))


def event(kind: str, channel: str = "c1.a.1", **more: Any) -> Frame:
    return {
        "type": kind,
        "application": "app",
        "timestamp": "2026-11-23T08:45:23.707+0000",
        "channel": {"id": channel, "name": f"Local/{channel}", "state": "Up"},
        **more,
    }
