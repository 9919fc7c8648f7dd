"""/v1/calls: place, look at, list, follow and end calls. Translates only; what may be is the service's business."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.call import Call
from ari_app.domain.errors import CallerError
from ari_app.engine import records
from ari_app.engine.asks import Refusal
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import PlaceCall, takes
from ari_app.entrypoints.http.call_forms import read_ask
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.flows import flows
from ari_app.ports.calls import CallPage
from ari_app.ports.users import USER_ID

router = APIRouter(prefix="/v1/calls", tags=["calls"])
log = structlog.get_logger()

CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LIMIT, LIMIT_MAX = 50, 200
LOOKED_AT_MAX = 2_000
"""Calls that one question with `state` looks through; then it answers what it found, with a cursor to go on."""


class Calls(msgspec.Struct):
    """Newest first. `cursor` (of the next page) goes into the next question; null: there is no more."""

    calls: list[views.CallView]
    cursor: str | None


class Events(msgspec.Struct):
    """In order."""

    events: list[views.EventView]


@router.post(
    "", status_code=201, summary="Place a call", responses=gives("Call", 400, 402, 404, 409, 413, 415, 429, status=201),
    openapi_extra=takes(PlaceCall) | IDEMPOTENT,  # and the forms of other types, once these are known: http/app.py
)  # fmt: skip
async def place(request: Request) -> Response:
    """A callback: rings the caller; when the caller has answered, the callee. Or a call of another `type`. Answers at
    once, before anybody has picked up."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    ask = await read_ask(request)
    answer = await doors(request).service.place(ask, owner=key.id, idempotency_key=once)
    if isinstance(answer, Refusal):
        raise refused(answer)
    return reply(views.call_view(answer), 201, {"Location": f"/v1/calls/{answer.id}"})


@router.get("", summary="List calls", responses=gives("Calls"))
async def list_calls(
    request: Request,
    user: Annotated[str | None, Query(description="Only calls of this user.", max_length=100)] = None,
    state: Annotated[str | None, Query(description="Only calls in this state.", max_length=40)] = None,
    since: Annotated[str | None, Query(description="RFC 3339: only calls created since.", max_length=40)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
) -> Response:
    """Newest first."""
    await allowed(request, "read")
    since_ms = None if since is None else _since(since)
    if state is not None and state not in _states():
        raise Problem("malformed-request", f"state: expected one of {', '.join(_states())}.", "state")
    if user is not None and not USER_ID.fullmatch(user):
        raise Problem("malformed-request", "user: the id of a user is expected.", "user")
    d, looked_at = doors(request), 0
    found: list[views.CallView] = []
    while True:
        page = await _page(d, user, since_ms, cursor, limit - len(found))
        found += [call for call in await _calls(d, page.call_ids) if state in (None, call.state)]
        cursor, looked_at = page.next_cursor, looked_at + limit
        if cursor is None or len(found) >= limit or state is None or looked_at >= LOOKED_AT_MAX:
            return reply(Calls(found, cursor))


@router.get("/{call_id}", summary="Look at a call", responses=gives("Call", 404))
async def show(request: Request, call_id: str) -> Response:
    await allowed(request, "read", "call")
    return reply(views.call_view(await _call(doors(request), call_id)))


@router.delete("/{call_id}", summary="Cancel or hang up", responses=gives("Call", 404, also=202))
async def end(request: Request, call_id: str) -> Response:
    """At any step: 202 with the call as it was, which ends now, whatever dies. 200 where it has ended already."""
    await allowed(request, "call")
    call, is_over = await ended(doors(request), call_id)
    return reply(views.call_view(call), 200 if is_over else 202)


async def ended(d: Doors, call_id: str) -> tuple[Call, bool]:
    """As it was; whether it was over already. Raises Problem."""
    call = await _call(d, call_id)
    if _state(call) == "ended":
        return call, True
    if await d.engine.cancel_for_good(call_id):
        return call, False
    call = await _call(d, call_id)  # it has ended this instant, or it is not ours to end
    if _state(call) != "ended":
        raise Problem("no-capacity", "The server that has this call does not answer right now.", "", 5)
    return call, True


@router.get("/{call_id}/events", summary="How a call went", responses=gives("Events", 404))
async def events(
    request: Request, call_id: str, after: Annotated[int, Query(ge=0, description="Only those behind this seq.")] = 0
) -> Response:
    """Every change of state so far, in order."""
    await allowed(request, "read", "call")
    d = doors(request)
    told = await d.calls.events(call_id, after) if CALL_ID.fullmatch(call_id) else ()
    if not told:
        await _call(d, call_id)
    return reply(Events([views.event_view(seq, msgspec.json.decode(one)) for seq, one in told]))


def refused(refusal: Refusal) -> Problem:
    extra: dict[str, Any] = {name: said for name in ("call", "rule") if (said := getattr(refusal, name))}
    return Problem(refusal.type, refusal.sentence, refusal.at, refusal.retry_after_s, extra)


def _state(call: Call) -> str:
    return flows()[call.type].state(call)


def _states() -> tuple[str, ...]:
    return tuple(dict.fromkeys(state for flow in flows().values() for state in flow.STATES))


async def _call(d: Doors, call_id: str) -> Call:
    """Raises Problem (404), UnreadableRecord."""
    call = await find_call(d, call_id)
    if call is None:
        raise Problem("not-found", "There is no such call.", "id")
    return call


async def find_call(d: Doors, call_id: str) -> Call | None:
    """The call as this process knows it, else as it was stored. Raises UnreadableRecord."""
    if (live := d.engine.mailbox(call_id)) is not None:
        return live.call
    stored = await d.calls.load(call_id) if CALL_ID.fullmatch(call_id) else None
    return None if stored is None else records.call_of(stored)


async def _page(d: Doors, user: str | None, since_ms: int | None, cursor: str | None, limit: int) -> CallPage:
    try:
        return await d.calls.list(user=user, since_ms=since_ms, cursor=cursor, limit=limit)
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None


async def _calls(d: Doors, ids: Sequence[str]) -> list[views.CallView]:
    stored = await d.calls.load_many(ids)
    shown = []
    for call_id, record in zip(ids, stored, strict=True):
        live = d.engine.mailbox(call_id)
        if live is not None:
            shown.append(views.call_view(live.call))
        elif record is not None:
            try:
                shown.append(views.call_view(records.call_of(record)))
            except records.UnreadableRecord as e:
                log.error("call left out of a list", call=call_id, why=str(e))
    return shown


def _since(written: str) -> int:
    try:
        return views.at_ms(written.replace(" ", "+"))  # an unescaped + of an offset arrives as a blank
    except ValueError:
        raise Problem(
            "malformed-request", "since: a time such as 2026-11-23T08:33:12.123Z is expected.", "since"
        ) from None
