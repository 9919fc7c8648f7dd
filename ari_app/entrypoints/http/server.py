"""Serves the API inside this process's event loop. Touches no signal, no log and no other task."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.front import Front

KEEP_ALIVE_S = 75  # longer than the usual reverse proxy's 60, so that it is not we who close first
GRACE_S = 5  # at the end, for requests that are being answered
HEAD_MAX = 32_768
"""Bytes of a request beside its body, and what came with the last of them."""


class PortTaken(OSError):
    """Nobody can listen there; the message is a sentence for the operator."""


def listen(host: str, port: int) -> socket.socket:
    """The socket for `Server`: the port is ours from here on; port 0 takes a free one. Raises PortTaken."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, proto)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
        except OSError:
            sock.close()
            raise
    except OSError as e:
        raise PortTaken(
            f"the API cannot listen on {host} port {port} ({e.strerror}): set RINGBRIDGE_HTTP_HOST or "
            "RINGBRIDGE_HTTP_PORT"
        ) from None
    return sock


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process's signals are not the API's business."""
        yield


class _Protocol(HttpToolsProtocol):
    """uvicorn's on a parser in C: with the one in Python (h11) a call took 4 % more of our CPU. The parser itself would
    keep a head of any length."""

    _beside_body = 0

    def data_received(self, data: bytes) -> None:
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > HEAD_MAX and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._beside_body = 0

    def on_body(self, body: bytes) -> None:
        super().on_body(body)
        self._beside_body -= len(body)


class Server:
    """Bound, so that `url` is known and no other process has the port; answers once `run` runs."""

    def __init__(self, front: Front, sock: socket.socket) -> None:
        self._sock = sock
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                front, http=_Protocol, ws="none", loop="none", lifespan="off", log_config=None, access_log=False,
                proxy_headers=False, server_header=False, timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )  # fmt: skip
        front.connections = lambda: len(self._uvicorn.server_state.connections)

    @property
    def url(self) -> str:
        """Where this machine reaches it, without a slash at the end."""
        host, port = self._sock.getsockname()[:2]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def is_listening(self) -> bool:
        return self._uvicorn.started

    async def run(self) -> None:
        """Serve until `stop`; what is being answered then is finished, for GRACE_S at most."""
        try:
            await self._uvicorn.serve([self._sock])
        finally:
            self._sock.close()

    def stop(self) -> None:
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
