"""Serves the API inside this process's event loop. Touches no signal, no log and no other task."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.connection import Connection, Peers
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.front import Front
from ari_app.entrypoints.http.listening import url_of

KEEP_ALIVE_S = 75  # longer than the usual reverse proxy's 60, so that it is not we who close first
GRACE_S = 5  # at the end, for requests that are being answered


class _Uvicorn(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, opened: asyncio.Event | None) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._opened is not None:
            self._opened.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's signals are not the API's business."""
        yield


class Server:
    """Bound, so that `url` is known and no other process has the port; answers once `run` runs, which sets `opened`."""

    def __init__(self, front: Front, sock: socket.socket, opened: asyncio.Event | None = None) -> None:
        self._sock = sock
        self._streams = front.streams
        peers = Peers(front.limits, front.metrics.ended)
        protocol: Any = functools.partial(Connection, peers)  # uvicorn calls it, and asks for a class in its types
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                front, http=protocol, ws="none", loop="none", lifespan="off", log_config=None,
                log_level="error", access_log=False, proxy_headers=False, server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S,
            ),
            opened,
        )  # fmt: skip
        front.connections = lambda: peers.connections

    @property
    def url(self) -> str:
        """Where this machine reaches it, without a slash at the end."""
        return url_of(self._sock)

    @property
    def is_listening(self) -> bool:
        return self._uvicorn.started

    async def run(self) -> None:
        """Serve until `stop`; what is being answered then is finished, for GRACE_S at most. Streams end at once."""
        try:
            await self._uvicorn.serve([self._sock])
        finally:
            self._streams.end_all()
            self._sock.close()

    def stop(self) -> None:
        self._streams.end_all()
        self._uvicorn.should_exit = True


async def serve_http(doors: Doors, sock: socket.socket) -> None:
    """Serve the API on a socket of `listen` until cancelled; then what is being answered is finished."""
    server = Server(build(doors), sock)
    serving = asyncio.create_task(server.run(), name="http server")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.stop()
        await serving
        raise
