"""Live events: everything of a tenant's (/v1/events), and one call's, as it happens. Translates only; who watches what,
and from where he goes on, is hooks/watching.py's."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.entrypoints.http.auth import allowed, gate, sent_digest
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.event_stream import GAP, EventStream, event, is_wanted
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.http.streams import Streams, owner_of
from ari_app.hooks.seats import Batch
from ari_app.hooks.watching import PAGE
from ari_app.ports.feed import START, News, Source
from ari_app.ports.keys import ApiKey

router = APIRouter(prefix="/v1/events", tags=["events"])

LIMIT, LIMIT_MAX = 100, 200
LOOKED_AT_MAX = 2_000
"""Entries of the feed that one question with a filter looks through; then it answers what it found."""
WAIT_S_MAX = 30
NOW = "now"
CALL_ENDED = "call.ended"
TYPE = re.compile(r"(call|notice)\.(\*|[a-z][a-z_]{0,60})")
LAST_ID = "last-event-id"


class Happened(msgspec.Struct):
    """As webhooks get it. `data` is the event, as `GET /v1/calls/{id}/events` (or a notice's) lists it."""

    type: str
    timestamp: str
    id: str
    data: dict[str, Any]


class HappenedPage(msgspec.Struct):
    """Oldest first. `cursor` goes into the next question as `after`, also where nothing was found. `more`: at once.
    `gap`: before these some were lost, as they are not kept any more."""

    events: list[Happened]
    cursor: str
    more: bool
    gap: bool


@router.get("", summary="Everything that happens", responses=gives("HappenedPage"))
async def all_events(
    request: Request,
    types: Annotated[
        str | None, Query(description="Only these: call.ended,notice.* and so on.", max_length=1_000)
    ] = None,
    after: Annotated[
        str | None,
        Query(description="A cursor, or `now`. Absent: as far back as is kept; a stream: now.", max_length=80),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
    wait_s: Annotated[int, Query(ge=0, le=WAIT_S_MAX, description="For the first one, where there is none yet.")] = 0,
) -> Response:
    """The events of all calls and notices, in the order in which they became known. With `Accept: text/event-stream` a
    stream that goes on: `id` is the cursor, and `Last-Event-ID` goes on behind it."""
    key = await allowed(request, "read")
    d, wants = doors(request), _wanted(types)
    if is_wanted(request):
        last = request.headers.get(LAST_ID)
        return await _stream_of_all(request, key, d, wants, last or after, "Last-Event-ID" if last else "after")
    place = await d.watching.feed.last() if after == NOW else after or START
    until_s = time.monotonic() + wait_s
    batch, has_more = await _page(d, key, wants, place, limit)
    if not batch.told and not batch.is_gap and wait_s:
        batch = await _waited(request, key, wants, batch.place, until_s)
    told = [msgspec.Raw(one.body) for one in batch.told]
    return reply({"events": told, "cursor": batch.place, "more": has_more, "gap": batch.is_gap})


async def call_stream(request: Request, key: ApiKey, call_id: str, after: int) -> Response:
    """Of a call that the key may see: all behind `after`, then what comes, until it has ended. 204: it has, and all was
    told before, so that a browser does not open it again for ever."""
    d, behind = doors(request), last_seq(request, after)
    if await is_told(d, call_id, behind):
        return Response(status_code=204)
    watcher = d.watching.one(Source("call", call_id), behind)
    end = event_of_end(call_id)
    return EventStream(
        watcher, "call", owner_of(key), _streams(request).limits.owner_max, text=_text_of_call,
        last=lambda batch: end if has_ended(batch) else None, holds=lambda: gate(request).holds(sent_digest(request)),
    )  # fmt: skip


def last_seq(request: Request, after: int) -> int:
    """Where a browser that opens its stream again goes on."""
    last = request.headers.get(LAST_ID, "")
    return int(last) if re.fullmatch(r"[0-9]{1,9}", last) else after


async def is_told(d: Doors, call_id: str, behind: int) -> bool:
    """Whether nothing comes behind this number any more."""
    known = await d.calls.events(call_id, max(0, behind - 1)) or await d.calls.events(call_id, 0)
    if not known:
        return True  # the call is there, what happened in it is not kept any more
    seq, body = known[-1]
    return seq <= behind and bool(msgspec.json.decode(body)["state"] == "ended")


def has_ended(batch: Batch) -> bool:
    return any(one.news.type == CALL_ENDED for one in batch.told)


def event_of_end(call_id: str) -> bytes:
    """Nothing comes behind it: a browser should close."""
    return b'event: end\ndata: {"call":"%s"}\n\n' % call_id.encode()


def _text_of_call(batch: Batch) -> bytes:
    return b"".join(event(str(one.news.seq), one.news.type, one.body) for one in batch.told)


async def _stream_of_all(
    request: Request, key: ApiKey, d: Doors, wants: Callable[[News], bool], after: str | None, named: str
) -> Response:
    behind = None if after in (None, NOW) else after
    if behind is not None:
        await _page(d, key, wants, behind, 1, named)  # whether it is a place at all
    watcher = await d.watching.everything(key.tenant, wants, behind)
    return EventStream(
        watcher, "events", owner_of(key), _streams(request).limits.owner_max, text=_text_of_all,
        holds=lambda: gate(request).holds(sent_digest(request)),
    )  # fmt: skip


def _text_of_all(batch: Batch) -> bytes:
    """Where nothing was for him the place is told all the same: he goes on from there."""
    told = b"".join(event(one.place, one.news.type, one.body) for one in batch.told)
    place = b"" if told or not batch.place else b":\nid: %s\n\n" % batch.place.encode()
    return (GAP if batch.is_gap else b"") + told + place


async def _page(
    d: Doors, key: ApiKey, wants: Callable[[News], bool], after: str, limit: int, named: str = "after"
) -> tuple[Batch, bool]:
    """The next ones that are wanted, and whether more may follow. Raises Problem (422)."""
    looked_at = 0
    while True:
        try:
            batch = await d.watching.page(key.tenant, wants, after, limit)
        except CallerError:
            raise Problem("malformed-request", f"{named}: give back a cursor, or `now`.", named) from None
        looked_at += PAGE
        is_end = batch.place == after
        if batch.told or batch.is_gap or is_end or looked_at >= LOOKED_AT_MAX:
            return batch, not is_end
        after = batch.place


async def _waited(
    request: Request, key: ApiKey, wants: Callable[[News], bool], after: str, until_s: float
) -> Batch:  # fmt: skip
    """Counted as a stream is: it is as long open. Raises Problem (429, 503)."""
    streams = _streams(request)
    watcher = await doors(request).watching.everything(key.tenant, wants, after)
    stream = streams.enter(owner_of(key), "events", streams.limits.owner_max, watcher.leave)
    try:
        while True:
            batch = await watcher.next(max(0.0, until_s - time.monotonic()))
            if batch.told or batch.is_gap or stream.why or time.monotonic() >= until_s:
                stream.end("told")
                return batch
            await asyncio.sleep(0)
    finally:
        streams.left(stream)
        watcher.leave()


def _wanted(types: str | None) -> Callable[[News], bool]:
    """Raises Problem (422)."""
    if types is None:
        return lambda _news: True
    asked = {one.strip() for one in types.split(",")}
    for one in sorted(asked):
        if not TYPE.fullmatch(one):
            sentence = f"types: {one[:40]!r} is no type of event; such as call.ended or notice.* is expected."
            raise Problem("malformed-request", sentence, "types")
    kinds = {one.removesuffix(".*") for one in asked if one.endswith(".*")}
    return lambda news: news.type in asked or news.source.kind in kinds


def _streams(request: Request) -> Streams:
    found: Streams = request.state.streams
    return found
