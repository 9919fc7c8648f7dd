"""What operators and machines look at: health, readiness, metrics, and two small pages."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from ari_app.entrypoints.http.pages import DOCS, HOME
from ari_app.entrypoints.http.problems import PartView, Problem
from ari_app.entrypoints.http.reply import doors, gives, reply

router = APIRouter(tags=["system"])

READY_AGAIN_S = 2


class Ready(msgspec.Struct):
    ready: bool
    parts: list[PartView]


class Alive(msgspec.Struct):
    alive: bool


@router.get("/healthz", summary="Is the process alive", responses=gives("Alive", needs_key=False))
async def healthz() -> Response:
    """Says nothing of Asterisk or Redis: a restart of this process would not help there."""
    return reply(Alive(True))


@router.get("/readyz", summary="Can a call be placed now", responses=gives("Ready", 503, needs_key=False))
async def readyz(request: Request) -> Response:
    """200 if Asterisk, Redis and a trunk answer now; else 503 with which part does not, and why."""
    parts = [PartView(part.name, part.ok, "" if part.ok else part.why) for part in await doors(request).parts()]
    if all(part.ok for part in parts):
        return reply(Ready(True, parts))
    missing = "; ".join(f"{part.name}: {part.why.rstrip('.') or 'not ready'}" for part in parts if not part.ok) + "."
    raise Problem("not-ready", missing, retry_after_s=READY_AGAIN_S, extra={"ready": False, "parts": parts})


@router.get("/metrics", summary="Prometheus", include_in_schema=False)
async def metrics(request: Request) -> Response:
    text = doors(request).metrics() + request.state.http_metrics.text()
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


@router.get("/", include_in_schema=False)
async def home() -> Response:
    return HTMLResponse(HOME)


@router.get("/docs", include_in_schema=False)
async def docs() -> Response:
    return HTMLResponse(DOCS)
