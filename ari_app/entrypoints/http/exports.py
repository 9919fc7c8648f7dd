"""/v1/calls/export: all calls of a time, newest first, as one long answer. It is made while it is read: page by page,
so that a million calls take no more memory than a hundred, and keep nobody else waiting."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any, Literal

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response
from msgspec import UNSET
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ari_app.cells import guarded
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine import records
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.calls import at_of
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.front import TOLD
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives
from ari_app.entrypoints.http.spoken import spoken
from ari_app.entrypoints.http.streams import STREAMED, Stream, Streams, owner_of
from ari_app.entrypoints.http.whose import sees
from ari_app.entrypoints.words import Language
from ari_app.ports.calls import StoredCall
from ari_app.ports.keys import ApiKey

router = APIRouter(prefix="/v1/calls", tags=["calls"])
log = structlog.get_logger()

PAGE = 200
AT_ONCE = 20
"""Calls that are written before anybody else in this process has his turn: a few milliseconds."""
MOST = 4
"""Files at once, of one key, or of all of a tenant's together: each takes the store's time and ours for long."""
COLUMNS = (
    "id", "type", "state", "reason", "hung_up_by", "caller", "callee", "payer", "created_at", "talking_at", "ended_at",
    "held_s", "charged_s", "overrun_s", "cost_micro", "currency", "metadata",
)  # fmt: skip
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/x-ndjson"}
FILE = gives("Call") | {
    200: {
        "description": "The file",
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()},
    }
}
Write = Callable[[Sequence[views.CallView]], bytes]


@router.get("/export", summary="All calls of a time, as a file", responses=FILE)
async def export_calls(
    request: Request,
    since: Annotated[str | None, Query(description="RFC 3339: calls created since.", max_length=40)] = None,
    until: Annotated[str | None, Query(description="RFC 3339: calls created before; now.", max_length=40)] = None,
    format: Annotated[Literal["csv", "jsonl"], Query(description="Or a call, as JSON, a line.")] = "csv",
) -> Response:
    """One row a call, newest first, as long as the answer takes. What breaks off in the midst of it has no end: an
    answer that ended well is whole."""
    key = await allowed(request, "read")
    d = doors(request)
    since_ms = None if since is None else at_of(since, "since")
    until_ms = d.now_ms() + 1 if until is None else at_of(until, "until")
    if since_ms is not None and since_ms > until_ms:
        raise Problem("malformed-request", "until: this is before `since`.", "until")
    streams: Streams = request.state.streams
    stream = streams.enter(f"export {owner_of(key)}", "export", MOST, lambda: None)
    request.scope[STREAMED] = True
    write = _csv if format == "csv" else _lines
    head = ",".join(COLUMNS).encode() + b"\r\n" if format == "csv" else b""
    pages = _pages(d, key, since_ms, until_ms, spoken(request.scope))
    headers = {"Content-Disposition": f'attachment; filename="calls.{format}"', "Cache-Control": "no-store"}
    return _File(streams, stream, _written(request, head, pages, write), 200, headers, MEDIA_TYPES[format])


class _File(StreamingResponse):
    """Gives its place back, however it ends."""

    def __init__(self, streams: Streams, stream: Stream, *given: Any) -> None:
        super().__init__(*given)
        self._streams, self._stream = streams, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
            self._stream.end("told")
        finally:
            self._streams.left(self._stream)


async def _written(
    request: Request, head: bytes, pages: AsyncIterator[Sequence[views.CallView]], write: Write
) -> AsyncIterator[bytes]:
    told = 0
    try:
        if head:
            yield head
        async for calls in pages:
            told += len(calls)
            yield write(calls)
    except Unavailable as e:
        request.scope[TOLD] = True  # nothing can be answered any more: the connection is closed without its end
        log.warning("export broken off", calls=told, why=str(e))
        raise


async def _pages(
    d: Doors, key: ApiKey, since_ms: int | None, until_ms: int, language: Language
) -> AsyncIterator[Sequence[views.CallView]]:
    cursor: str | None = None
    is_first = True
    while is_first or cursor is not None:
        page = await d.calls.list(tenant=key.tenant, since_ms=since_ms, until_ms=until_ms, cursor=cursor, limit=PAGE)
        is_first, cursor = False, page.next_cursor
        stored = await d.calls.load_many(page.call_ids)
        some: list[views.CallView] = []
        for call_id, record in zip(page.call_ids, stored, strict=True):
            call = _call(d, call_id, record)
            if call is not None and sees(key, call):
                some.append(views.call_view(call, key.tenant, language))
            if len(some) >= AT_ONCE:
                yield some
                some = []
                await asyncio.sleep(0)
        if some:
            yield some
        await asyncio.sleep(0)


def _call(d: Doors, call_id: str, stored: StoredCall | None) -> Call | None:
    """As this process knows it, else as it was stored; None: it is gone, or cannot be read here."""
    if (live := d.engine.mailbox(call_id)) is not None:
        return live.call
    try:
        return None if stored is None else records.call_of(stored)
    except records.UnreadableRecord as e:
        log.error("call left out of an export", call=call_id, why=str(e))
        return None


def _lines(calls: Sequence[views.CallView]) -> bytes:
    return b"".join(msgspec.json.encode(call) + b"\n" for call in calls)


def _csv(calls: Sequence[views.CallView]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_row(call) for call in calls)
    return text.getvalue().encode()


def _row(call: views.CallView) -> list[str]:
    sums: Counter[str] = Counter()
    for leg in call.legs:
        sums[leg.cost.currency] += leg.cost.micro
    owed = {currency: micro for currency, micro in sums.items() if micro} or {next(iter(sums), ""): 0}
    known = {
        "type": call.type_,
        "cost_micro": "+".join(map(str, owed.values())),  # of two carriers with two currencies: both, in order
        "currency": "+".join(owed),
        "metadata": json.dumps(call.metadata, ensure_ascii=False) if call.metadata else "",
    }
    return [guarded(known[name] if name in known else _cell(getattr(call, name))) for name in COLUMNS]


def _cell(value: object) -> str:
    return "" if value is UNSET or value is None else str(value)
