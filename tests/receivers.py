"""A receiver of webhooks as strangers run them: well, slow, broken, hostile. Runs in a thread of its own; `mode` may be
changed at any time. Needs no pytest."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

MODES = (
    "ok", "slow", "500", "410", "429", "reset", "hang", "drip", "huge", "long-head", "nonsense", "redirect",
    "redirect-302", "redirect-inner", "redirect-loop",
)  # fmt: skip
INNER_URL = "http://169.254.169.254/latest/meta-data/"
SLOW_S = 0.3
HUGE = 50 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Got:
    """What was answered with a 2xx, and when."""

    arrived_ms: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")


@dataclass
class Receiver:
    """`got`: what was answered 2xx, in order; `asked`: paths of all that came. `to`: where `redirect` leads, else
    /there of its own. A hanging one lets go when it is stopped."""

    port: int = 0
    mode: str = "ok"
    to: str = ""
    retry_after: str = "7"
    got: list[Got] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    sent: int = 0
    """Bytes of an endless answer that somebody took."""
    _server: _Server | None = None
    _letting_go: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> Receiver:
        """On its port, the same again after a stop; 0 takes a free one."""
        self._letting_go.clear()
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody listens any more; connections that are open are reset."""
        server, self._server = self._server, None
        self._letting_go.set()
        if server is not None:
            server.shutdown()
            server.server_close()
            server.end_connections()

    def __enter__(self) -> Receiver:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ids(self) -> list[str]:
        return [one.id for one in list(self.got)]

    def unsigned(self, *secrets: str) -> list[str]:
        """Why each that is not rightly signed with one of these is not."""
        return [why for one in list(self.got) if (why := fault_of(one, *secrets))]

    def hold(self, seconds: float) -> None:
        self._letting_go.wait(seconds)


def fault_of(one: Got, *secrets: str) -> str:
    """By the library that receivers use; its clock is now, so it must be asked within minutes. "": nothing."""
    why = ""
    for secret in secrets:
        try:
            Webhook(secret).verify(one.body, one.headers)
            return ""
        except WebhookVerificationError as e:
            why = f"{one.id}: {e}"
    return why


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    receiver: Receiver

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def end_connections(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Who asks may leave in the midst of an answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        receiver = self.server.receiver
        mode = "ok" if self.path == "/there" else receiver.mode
        receiver.asked.append(self.path)
        if mode.isdecimal():
            asked = {"Retry-After": receiver.retry_after} if mode in ("429", "503") else {}
            return self._answer(int(mode), asked)
        if mode.startswith("redirect"):
            return self._redirect(mode)
        if odd := ODD.get(mode):
            return odd(self)
        if mode == "slow":
            receiver.hold(SLOW_S)
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.got.append(Got(time.time_ns() // 1_000_000, headers, body))
        return self._answer(204)

    def do_GET(self) -> None:
        self.server.receiver.asked.append(f"GET {self.path}")
        self._answer(204)

    def _redirect(self, mode: str) -> None:
        receiver = self.server.receiver
        to = {"redirect-inner": INNER_URL, "redirect-loop": "/hook"}.get(mode, receiver.to or "/there")
        self._answer(302 if mode == "redirect-302" else 307, {"Location": to})

    def _answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", "a=b")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close_connection = True
        self.connection.close()

    def hang(self) -> None:
        self.server.receiver.hold(600)
        self.close_connection = True

    def drip(self) -> None:
        """A head that never ends, a byte at a time."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        while not self.server.receiver._letting_go.wait(0.02):
            self.wfile.write(b"a")

    def huge(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE)
        for _ in range(HUGE // 65_536):
            self.server.receiver.sent += self.connection.send(b"x" * 65_536)

    def long_head(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000 + b"\r\n\r\n")

    def nonsense(self) -> None:
        self.close_connection = True
        self.wfile.write(b"220 mail.example.net ESMTP\r\n")

    def log_message(self, *_: object) -> None:
        """Says nothing."""


ODD: dict[str, Callable[[_Handler], None]] = {
    "reset": _Handler.reset, "hang": _Handler.hang, "drip": _Handler.drip, "huge": _Handler.huge,
    "long-head": _Handler.long_head, "nonsense": _Handler.nonsense,
}  # fmt: skip
