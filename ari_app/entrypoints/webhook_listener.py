"""A receiver of webhooks for whoever tries them out: a small server on this machine that verifies what comes, tells of
it, and passes it on to the developer's own program. Knows nothing of the API."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

BODY_MAX = 1_000_000
FORWARD_WITHIN_S = 9.0
PASSED_ON = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature", "user-agent")
BAD_GATEWAY = 502
FORBIDDEN = 401


@dataclass(frozen=True)
class Arrived:
    """`fault`: why it is not rightly signed; "": it is. `status`: what it was answered. `why`: why the developer's own
    program did not answer."""

    headers: dict[str, str]
    body: bytes
    fault: str
    status: int
    why: str = ""

    @property
    def id(self) -> str:
        return self.headers.get("webhook-id", "")

    @property
    def event(self) -> dict[str, Any]:
        """As far as it is JSON."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Listener:
    """`secret` is set when it is known; what comes before that waits for it. `tell`: one at a time."""

    def __init__(self, port: int, tell: Callable[[Arrived], None], forward: str | None = None) -> None:
        """Raises OSError where the port is not to be had."""
        self._tell = tell
        self._forward = forward
        self._secret = ""
        self._is_known = threading.Event()
        self._one = threading.Lock()
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.listener = self
        self.port = int(self._server.server_address[1])

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def know(self, secret: str) -> None:
        self._secret = secret
        self._is_known.set()

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer. What is not rightly signed is told, and goes no further."""
        self._is_known.wait(FORWARD_WITHIN_S)
        fault = self._fault(headers, body)
        status, why = (FORBIDDEN, "") if fault else (204, "") if self._forward is None else self._passed(headers, body)
        with self._one:
            self._tell(Arrived(headers, body, fault, status, why))
        return status

    def _fault(self, headers: dict[str, str], body: bytes) -> str:
        try:
            Webhook(self._secret).verify(body, headers, json_parse=False)
        except (WebhookVerificationError, ValueError, RuntimeError) as e:
            return str(e) or type(e).__name__
        return ""

    def _passed(self, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        assert self._forward is not None
        passed = {name: headers[name] for name in PASSED_ON if name in headers}
        asking = urllib.request.Request(self._forward, body, passed, method="POST")
        try:
            with self._opener.open(asking, timeout=FORWARD_WITHIN_S) as answer:
                return int(answer.status), ""
        except urllib.error.HTTPError as e:
            return e.code, ""
        except (OSError, ValueError) as e:
            return BAD_GATEWAY, str(getattr(e, "reason", e))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What the developer's program answers is what the sender gets."""

    def redirect_request(self, *_: Any) -> None:
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    listener: Listener


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        told = self.headers.get("content-length", "")
        length = int(told) if told.isdecimal() else -1
        if not 0 <= length <= BODY_MAX:
            self.close_connection = True
            return self._answer(413)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self._answer(self.server.listener.take(headers, self.rfile.read(length)))

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """What came is told by the listener."""
