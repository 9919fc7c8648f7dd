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
from ari_app.entrypoints.http.event_stream import is_wanted
from ari_app.entrypoints.http.live import call_stream
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.spoken import spoken
from ari_app.entrypoints.http.whose import sees, user_id
from ari_app.entrypoints.words import Language
from ari_app.flows import flows
from ari_app.ports.calls import CallPage, StoredCall
from ari_app.ports.keys import ApiKey

router = APIRouter(prefix="/v1/calls", tags=["calls"])
log = structlog.get_logger()

CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
LIMIT, LIMIT_MAX = 50, 200
LOOKED_AT_MAX = 2_000
"""Calls that one question with `state` looks through; then it answers what it found, with a cursor to go on."""
LOOK_LEAST = 20
"""So many a look at the store counts for at least: a question for one call is not 2,000 looks."""


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
    ask = await read_ask(request, key.tenant)
    d = doors(request)
    answer = await d.service.place(ask, owner=key.owner, idempotency_key=once)
    if isinstance(answer, Refusal):
        raise refused(answer)
    view = views.call_view(answer, key.tenant, spoken(request.scope), await d.capacity.after(answer))
    return reply(view, 201, {"Location": f"/v1/calls/{answer.id}"})


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
    key = await allowed(request, "read")
    since_ms = None if since is None else at_of(since, "since")
    if state is not None and state not in _states():
        raise Problem("malformed-request", f"state: expected one of {', '.join(_states())}.", "state")
    of_user = None if user is None else asked_user(key, user, "user")
    d, looked_at, language = doors(request), 0, spoken(request.scope)
    found: list[views.CallView] = []
    while True:
        page = await _page(d, key, of_user, since_ms, cursor, limit - len(found))
        found += [call for call in await _calls(d, key, page.call_ids, language) if state in (None, call.state)]
        cursor, looked_at = page.next_cursor, looked_at + max(limit, LOOK_LEAST)
        if cursor is None or len(found) >= limit or state is None or looked_at >= LOOKED_AT_MAX:
            return reply(Calls(found, cursor))


@router.get("/{call_id}", summary="Look at a call", responses=gives("Call", 404))
async def show(request: Request, call_id: str) -> Response:
    key = await allowed(request, "read", "call")
    return reply(views.call_view(await _call(doors(request), key, call_id), key.tenant, spoken(request.scope)))


@router.delete("/{call_id}", summary="Cancel or hang up", responses=gives("Call", 404, also=202))
async def end(request: Request, call_id: str) -> Response:
    """At any step: 202 with the call as it was, which ends now, whatever dies. 200 where it has ended already."""
    key = await allowed(request, "call")
    call, is_over = await ended(doors(request), key, call_id)
    return reply(views.call_view(call, key.tenant, spoken(request.scope)), 200 if is_over else 202)


async def ended(d: Doors, key: ApiKey, call_id: str) -> tuple[Call, bool]:
    """As it was; whether it was over already. Raises Problem."""
    call = await _call(d, key, call_id)
    if _state(call) == "ended":
        return call, True
    if await d.engine.cancel_for_good(call_id):
        return call, False
    call = await _call(d, key, call_id)  # it has ended this instant, or it is not ours to end
    if _state(call) != "ended":
        raise Problem("no-capacity", "The server that has this call does not answer right now.", "", 5)
    return call, True


@router.get("/{call_id}/events", summary="How a call went", responses=gives("Events", 404))
async def events(
    request: Request, call_id: str, after: Annotated[int, Query(ge=0, description="Only those behind this seq.")] = 0
) -> Response:
    """Every change of state so far, in order. With `Accept: text/event-stream` a stream: these, then what comes, until
    the call has ended."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    if is_wanted(request):
        await _call(d, key, call_id)
        return await call_stream(request, key, call_id, after)
    if not key.is_operators:
        await _call(d, key, call_id)
    told = await d.calls.events(call_id, after) if CALL_ID.fullmatch(call_id) else ()
    if not told and key.is_operators:
        await _call(d, key, call_id)
    return reply(Events([views.event_view(seq, msgspec.json.decode(one)) for seq, one in told]))


def refused(refusal: Refusal) -> Problem:
    extra: dict[str, Any] = {name: said for name in ("call", "rule") if (said := getattr(refusal, name))}
    return Problem(refusal.type, refusal.sentence, refusal.at, refusal.retry_after_s, extra)


def _state(call: Call) -> str:
    return flows()[call.type].state(call)


def _states() -> tuple[str, ...]:
    return tuple(dict.fromkeys(state for flow in flows().values() for state in flow.STATES))


async def _call(d: Doors, key: ApiKey, call_id: str) -> Call:
    """Raises Problem (404), UnreadableRecord."""
    call = await find_call(d, key, call_id)
    if call is None:
        raise Problem("not-found", "There is no such call.", "call_id")
    return call


async def find_call(d: Doors, key: ApiKey, call_id: str) -> Call | None:
    """The call as this process knows it, else as it was stored; None, too, for one that the key may not see. Raises
    UnreadableRecord, to the operator alone: of whom the call is nobody can tell."""
    if (live := d.engine.mailbox(call_id)) is not None:
        return live.call if sees(key, live.call) else None
    stored = await d.calls.load(call_id) if CALL_ID.fullmatch(call_id) else None
    if stored is None:
        return None
    try:
        call = records.call_of(stored)
    except records.UnreadableRecord:
        if key.is_operators:
            raise
        return None
    return call if sees(key, call) else None


def asked_user(key: ApiKey, written: str, field: str) -> str:
    """The id, as it is kept, of the user whose calls are asked for. Raises Problem (422)."""
    kept = user_id(key, written)
    if kept is None:
        raise Problem("malformed-request", f"{field}: the id of a user is expected.", field)
    return kept


async def _page(
    d: Doors, key: ApiKey, user: str | None, since_ms: int | None, cursor: str | None, limit: int
) -> CallPage:
    try:
        return await d.calls.list(
            user=user, tenant=key.tenant, since_ms=since_ms, cursor=cursor, limit=limit
        )  # fmt: skip
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None


async def _calls(d: Doors, key: ApiKey, ids: Sequence[str], language: Language) -> list[views.CallView]:
    stored = await d.calls.load_many(ids)
    shown = []
    for call_id, record in zip(ids, stored, strict=True):
        live = d.engine.mailbox(call_id)
        call = live.call if live is not None else _readable(call_id, record)
        if call is not None and sees(key, call):
            shown.append(views.call_view(call, key.tenant, language))
    return shown


def _readable(call_id: str, stored: StoredCall | None) -> Call | None:
    try:
        return None if stored is None else records.call_of(stored)
    except records.UnreadableRecord as e:
        log.error("call left out of a list", call=call_id, why=str(e))
        return None


def at_of(written: str, name: str) -> int:
    """A time that a query gives. Raises Problem (422)."""
    try:
        return views.at_ms(written.replace(" ", "+"))  # an unescaped + of an offset arrives as a blank
    except ValueError:
        sentence = f"{name}: a time such as 2026-11-23T08:33:12.123Z is expected."
        raise Problem("malformed-request", sentence, name) from None
