"""Calls from web pages: tokens for them (/v1/click-tokens), and what a page does with one (/v1/click), which has no API
key. Translates only; what a token may is the desk's business (desks/click_desk.py).

A page of another site may read the answers of /v1/click alone, and only where its token, or the settings, let it.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, StringConstraints

from ari_app.desks.click_desk import ClickAsk, NotClicked
from ari_app.domain.call import Call
from ari_app.engine.asks import Refusal
from ari_app.entrypoints.http import live
from ari_app.entrypoints.http.auth import allowed, gate, sent_digest
from ari_app.entrypoints.http.bodies import METADATA, Body, Metadata, Who, read, takes
from ari_app.entrypoints.http.calls import refused
from ari_app.entrypoints.http.click_page import PAGE, SCRIPT
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.event_stream import EventStream, event, is_wanted
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.spoken import HEADERS, spoken
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.entrypoints.words import Language, why_ended
from ari_app.flows import flows
from ari_app.hooks.seats import Batch
from ari_app.ports.click import EXPIRES_IN_S, EXPIRES_IN_S_MAX, ORIGINS_MAX, PREFIX, ClickToken
from ari_app.ports.feed import Source

router = APIRouter(tags=["click to call"])

CLICK = "/v1/click"
OPEN = (CLICK, f"{CLICK}/{{token}}", f"{CLICK}/{{token}}/events")
"""Need no key."""
STREAMS_MAX = 3
"""Of one token: a page that was opened twice, and one that was just closed."""
AGAIN_S = 5
CLICK_REFUSALS = (400, 402, 403, 404, 409, 410, 413, 415, 422, 429, 503)
ORIGIN = r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
UNKNOWN = "This token is not known: it was mistyped, or it is long over."
SENTENCES = {
    "expired": ("token-expired", "This token has expired: the page must ask its own server for a new one.", "token"),
    "used": ("token-used", "This token was used with another caller: it is good for one call.", "caller"),
    "caller-known": ("malformed-body", "caller: this token says already who calls; leave it out.", "caller"),
    "caller-needed": ("malformed-body", "caller: this token does not say who calls; give his number.", "caller"),
    "caller-no-number": ("invalid-number", "A phone number is expected.", "caller"),
}


class NewClickToken(Body):
    callee: Who = Field(description="User id or number: who is called.", examples=["+8613900000004"])
    caller: Who | None = Field(
        None, description="User id or number: who is rung first, and pays. Absent: the page gives his number.",
        examples=["demo"],
    )  # fmt: skip
    expires_in_s: int = Field(EXPIRES_IN_S, ge=10, le=EXPIRES_IN_S_MAX, description="So long it may be clicked.")
    max_duration_s: int | None = Field(None, ge=1, le=86_400, description="Longest talk; the settings may allow less.")
    origins: list[Annotated[str, StringConstraints(pattern=ORIGIN, max_length=300)]] = Field(
        default_factory=list, max_length=ORIGINS_MAX, examples=[["https://shop.example.com"]],
        description="Sites whose pages may use it; none: as the settings say.",
    )  # fmt: skip
    metadata: Metadata = METADATA


class Click(Body):
    token: Annotated[str, StringConstraints(min_length=1, max_length=100)] = Field(examples=[f"{PREFIX}…"])
    caller: Who | None = Field(None, description="The visitor's number, where the token does not say who calls.")


class ClickTokenView(msgspec.Struct):
    """`call`: the id that its call will have, for your server to look at. `url`: a page with a button, to be sent to
    who shall call; of a page of your own `token` is all that it needs."""

    token: str
    expires_at: Time
    url: str
    call: str


class ClickedView(msgspec.Struct):
    """All that a page without a key learns of a call. `message`: once it has ended, for the visitor, in the language
    that his browser asks for."""

    id: str
    state: str
    reason: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class ClickEvent(msgspec.Struct):
    seq: int
    state: str
    at: Time
    reason: str | msgspec.UnsetType = msgspec.UNSET
    message: str | msgspec.UnsetType = msgspec.UNSET


class ClickEvents(msgspec.Struct):
    events: list[ClickEvent]


Token = Annotated[str, Path(description="As it was given to the page.", max_length=100)]


@router.post(
    "/v1/click-tokens", status_code=201, summary="Let a web page place one call",
    responses=gives("ClickToken", 400, 403, 404, 409, 413, 415, status=201),
    openapi_extra=takes(NewClickToken) | IDEMPOTENT,
)  # fmt: skip
async def make_token(request: Request) -> Response:
    """Whoever has the token may place this one call, once. Ask for it on your server, for each visitor anew; your API
    key never goes to a page."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    body = await read(request, NewClickToken)
    ask = ClickAsk(
        body.callee, body.caller or "", body.expires_in_s, body.max_duration_s, body.metadata, tuple(body.origins)
    )
    made = await doors(request).clicks.make(
        ask, tenant=key.tenant, owner=key.owner, key=sent_digest(request), idempotency_key=once
    )
    if isinstance(made, Refusal):
        raise refused(made)
    url = f"{_base(request)}/click#{made.secret}"
    return reply(ClickTokenView(made.secret, rfc3339(made.token.expires_at_ms), url, made.call), 201)


@router.post(CLICK, status_code=201, summary="Place the call of a token", openapi_extra=takes(Click),
             responses=gives("Clicked", *CLICK_REFUSALS, status=201, needs_key=False))  # fmt: skip
async def click(request: Request) -> Response:
    """Needs no key. The same again is the same call, and has the same answer: it may be asked again where the answer
    was lost. Who calls must be a user whose number is proved, as with any call."""
    _readable(request, None)
    body = await read(request, Click)
    token = await _token(request, body.token)
    if token.origins and "origin" not in request.headers:
        raise _wrong_origin()
    address = gate(request).may_guess(request)
    answer = await doors(request).clicks.click(token, body.caller)
    if body.caller is not None and isinstance(answer, Refusal) and answer.type == "number-not-verified":
        gate(request).guessed_wrong(address)  # or one token would tell of every number whether it is a user's
    if isinstance(answer, NotClicked):
        type, sentence, at = SENTENCES[answer.why]
        raise Problem(type, sentence, at)
    if isinstance(answer, Refusal):
        raise refused(answer)
    return reply(_view(answer, spoken(request.scope)), 201)


@router.get(f"{CLICK}/{{token}}/events", summary="How the call of a token goes",
            responses=gives("ClickEvents", 403, 404, 429, 503, needs_key=False))  # fmt: skip
async def click_events(request: Request, token: Token) -> Response:
    """Needs no key. States alone, no numbers. With `Accept: text/event-stream` as they come, until the call has
    ended."""
    _readable(request, None)
    found = await _token(request, token)
    d, call = doors(request), await _call(request, found)
    if not is_wanted(request):
        told = [(seq, msgspec.json.decode(one)) for seq, one in await d.calls.events(call.id, 0)]
        shown = [
            _event(seq, body, rfc3339(body["at_ms"]), spoken(request.scope)) for seq, body in told if "what" not in body
        ]
        return reply(ClickEvents(shown))
    behind = live.last_seq(request, 0)
    if await live.is_told(d, call.id, behind):
        return Response(status_code=204)
    end, language = live.event_of_end(call.id), spoken(request.scope)
    return EventStream(
        d.watching.one(Source("call", call.id), behind), "click", f"click {found.id}", STREAMS_MAX,
        text=lambda batch: _text(batch, language),
        last=lambda batch: end if live.has_ended(batch) else None, holds=lambda: gate(request).holds(found.key),
    )  # fmt: skip


@router.delete(f"{CLICK}/{{token}}", summary="Hang up the call of a token",
               responses=gives("Clicked", 403, 404, 429, 503, also=202, needs_key=False))  # fmt: skip
async def hang_up(request: Request, token: Token) -> Response:
    """Needs no key. 202: it ends now; 200: it has ended already."""
    _readable(request, None)
    found = await _token(request, token)
    d, call = doors(request), await _call(request, found)
    if _state(call) == "ended":
        return reply(_view(call, spoken(request.scope)))
    if not await d.engine.cancel_for_good(call.id) and _state(await _call(request, found)) != "ended":
        raise Problem("no-capacity", "The server that has this call does not answer right now.", "", AGAIN_S)
    return reply(_view(await _call(request, found), spoken(request.scope)), 202)


@router.get("/click.js", include_in_schema=False)
async def script() -> Response:
    return Response(SCRIPT, media_type="text/javascript", headers={"Cache-Control": "max-age=3600"} | PLAIN)


@router.get("/click", include_in_schema=False)
async def page() -> Response:
    """The token stands behind the #, which no browser sends: it is in nobody's log."""
    return Response(PAGE, media_type="text/html", headers={"Cache-Control": "no-cache"} | PLAIN)


PLAIN = {"X-Content-Type-Options": "nosniff"}


async def may_ask(request: Request) -> Response:
    """A browser asks beforehand whether a page may (CORS preflight); of which token it does not say."""
    headers = {
        "Access-Control-Allow-Methods": "GET, POST, DELETE", "Access-Control-Max-Age": "600",
        "Access-Control-Allow-Headers": "Content-Type, Last-Event-ID, Accept-Language",
    }  # fmt: skip
    origin = request.headers.get("origin")
    if origin is None or not _is_let(doors(request), origin):
        headers = {}
    return Response(status_code=204, headers=headers | (_let(origin) if headers and origin else {"Vary": "Origin"}))


for path in OPEN:
    router.add_route(path, may_ask, methods=["OPTIONS"], include_in_schema=False)


def _readable(request: Request, token: ClickToken | None) -> None:
    """By the page that asks, also where the answer is a problem. Raises Problem (403) where it may not ask at all."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    if token is None:
        said = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in _let(origin).items())
        request.scope[HEADERS] = (*request.scope.get(HEADERS, ()), *said)
    is_let = origin in token.origins if token is not None and token.origins else _is_let(doors(request), origin)
    if not is_let and origin != _base(request):
        raise _wrong_origin()


def _is_let(d: Doors, origin: str) -> bool:
    return not d.click_origins or origin in d.click_origins


def _let(origin: str) -> dict[str, str]:
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": "Retry-After"}


def _wrong_origin() -> Problem:
    return Problem("wrong-origin", "This token is not for pages of this site.")


async def _token(request: Request, secret: str) -> ClickToken:
    """Raises Problem (403, 404, 429)."""
    guard = gate(request)
    address = guard.may_guess(request)
    found = await doors(request).clicks.token(secret) if secret.startswith(PREFIX) else None
    if found is None:
        guard.guessed_wrong(address)
    if found is None or not await guard.holds(found.key):  # a key that was revoked takes its tokens with it
        raise Problem("unknown-token", UNKNOWN, "token")
    _readable(request, found)
    guard.count_token(found.id)
    return found


async def _call(request: Request, token: ClickToken) -> Call:
    """Raises Problem (404), UnreadableRecord."""
    call = await doors(request).clicks.call(token)
    if call is None:
        raise Problem("not-found", "No call was placed with this token yet.", "token")
    return call


def _state(call: Call) -> str:
    return flows()[call.type].state(call)


def _view(call: Call, language: Language) -> ClickedView:
    view = ClickedView(call.id, _state(call))
    if view.state == "ended" and call.end is not None:
        view.reason, view.message = str(call.end.reason), why_ended(call.end.reason, call.end.by, language)
    return view


def _event(seq: int, body: dict[str, Any], at: str, language: Language) -> ClickEvent:
    """No number, no user."""
    event = ClickEvent(seq, body["state"], at)
    if "reason" in body:
        event.reason, event.message = body["reason"], why_ended(body["reason"], body["hung_up_by"], language)
    return event


def _text(batch: Batch, language: Language) -> bytes:
    told = [(one.news.seq, msgspec.json.decode(one.body)["data"]) for one in batch.told]
    shown = [_event(seq, data, data["at"], language) for seq, data in told if "what" not in data]
    return b"".join(event(str(one.seq), "state", msgspec.json.encode(one)) for one in shown)


def _base(request: Request) -> str:
    """Where we are reached from outside, without a slash at the end."""
    told: str = doors(request).public_url
    return (told or str(request.base_url)).rstrip("/")
