"""Stands before every route, as plain ASGI: the limit of connections, faults turned into problems, counts.

Knows no route and no key. Nothing that goes wrong below leaves with a traceback.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.connection import ENDED, ConnectionLimits
from ari_app.entrypoints.http.masking import MASKED, Masking
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.spoken import HEADERS, spoken
from ari_app.entrypoints.http.streams import STREAMED, StreamLimits, StreamMetrics, Streams

log = structlog.get_logger()

AWAY_AGAIN_S = 5
LEAVING_AGAIN_S = 1
LEAVING = "This server stopped before it had the answer; ask again, a POST with the same Idempotency-Key."
TOLD = "ringbridge.told"


class HttpMetrics:
    """docs/metrics.md describes each one."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ringbridge_http_requests", "Requests, by route and status", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "ringbridge_http_request_seconds", "From a request to its answer", ["route"],
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5), registry=self.registry,
        )  # fmt: skip
        self._ended = Counter(
            "ringbridge_http_connections_ended", "Connections that were ended by us, by why", ["why"],
            registry=self.registry,
        )  # fmt: skip
        for why in ENDED:
            self._ended.labels(why)
        self.streams = StreamMetrics(self.registry)

    def ended(self, why: str) -> None:
        self._ended.labels(why).inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Front:
    """The ASGI app to serve, over connections within `limits`. `given`: what each request finds in its state, beside
    `http_metrics`. `connections`: how many are open, where the server tells."""

    def __init__(
        self, app: ASGIApp, given: dict[str, Any], metrics: HttpMetrics, limits: ConnectionLimits,
        streams: StreamLimits | None = None,
    ) -> None:  # fmt: skip
        self.app = app
        self.streams = Streams(streams or StreamLimits(), metrics.streams)
        self.given = given | {"http_metrics": metrics, "streams": self.streams}
        self.metrics = metrics
        self.limits = limits
        self.connections: Callable[[], int] = lambda: 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began, status, answered_s = time.perf_counter(), 0, 0.0
        scope["state"] = scope.get("state", {}) | self.given
        out: Send = send

        async def noting(message: Message) -> None:
            nonlocal status, answered_s, out
            if message["type"] == "http.response.start":
                status, answered_s = message["status"], time.perf_counter() - began
                message["headers"] = [*message.get("headers", ()), *scope.get(HEADERS, ())]
                out = Masking(send) if scope.get(MASKED) else send
            await out(message)

        try:
            await self.app(scope, receive, noting)
        except asyncio.CancelledError:
            # The process leaves. What was asked may have been done: who asks the next one with the same key is told.
            if not status:
                await Problem("draining", LEAVING, "", LEAVING_AGAIN_S).response(spoken(scope))(scope, receive, noting)
        except Exception as e:
            if not status:
                await as_problem(e, scope).response(spoken(scope))(scope, receive, noting)
            elif not scope.get(TOLD):
                raise
        finally:
            self._count(scope, status, answered_s if scope.get(STREAMED) else time.perf_counter() - began)

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(scope["method"] if route != "other" else "any", route, status).inc()
        self.metrics.seconds.labels(route).observe(took_s)


def as_problem(e: Exception, scope: Scope) -> Problem:
    """The client gets a problem, the log the traceback. Marks the scope: what was told need not be raised further."""
    was_told = scope.get(TOLD, False)
    scope[TOLD] = True
    if isinstance(e, Problem):
        return e
    if isinstance(e, Unavailable):
        return away(e)
    instance = secrets.token_hex(8)
    if not was_told:
        log.error("request failed", path=scope["path"], instance=instance, exc_info=e)
    sentence = "Something went wrong on our side; it was written down."
    return Problem("internal-error", sentence, extra={"instance": instance})


def away(e: Unavailable) -> Problem:
    log.warning("store out of reach", why=str(e))
    return Problem("no-capacity", "The store of calls and minutes does not answer right now.", "", AWAY_AGAIN_S)
