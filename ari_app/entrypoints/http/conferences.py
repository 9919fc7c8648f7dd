"""/v1/conferences: begin, look at, change and end them. Translates only; what may be is the service's business, and
what a word means the flow's."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Request, Response
from msgspec import UNSET
from pydantic import Field

from ari_app.domain.call import Call, Leg
from ari_app.domain.events import Told
from ari_app.domain.wanted import Party
from ari_app.engine.adding import is_there, leg_of
from ari_app.engine.asks import Refusal, ask_of
from ari_app.engine.telling import NotTaken
from ari_app.entrypoints.http import calls
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import METADATA_KEYS_MAX, PRIVATE, Body, Metadata, Who, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.spoken import spoken
from ari_app.entrypoints.views_conference import ConferenceView, PinView, conference_view, pin_view
from ari_app.flows import conference
from ari_app.flows.joining import LEAVE
from ari_app.ports.keys import ApiKey

router = APIRouter(prefix="/v1/conferences", tags=["conferences"])

PARTICIPANTS_MAX = 30
FIRST_PIN = "begun"
AT = "host"

LegName = Annotated[str, Path(description="The participant's `leg`.", max_length=40)]


class StartConference(Body):
    host: Who = Field(description="User id or number. Rung first; pays for all.", examples=["demo"])
    participants: list[Who] = Field(
        default_factory=list, max_length=PARTICIPANTS_MAX, examples=[["+8613900000004", "+8613900000005"]],
        description="User ids or numbers. Rung together when the host has answered.",
    )  # fmt: skip
    max_duration_s: int | None = Field(None, ge=1, le=86_400, description="Longest time; the settings may allow less.")
    ends_with_host: bool | None = Field(None, description="Whether all are hung up when the host hangs up.")
    confirm_joining: bool | None = Field(None, description="Who is rung must press 1: a guard against voicemail.")
    record: Literal["mixed", "legs"] | None = Field(
        None, description="Recorded from when two are there: all together, or each phone by itself."
    )
    private: bool = PRIVATE
    dial_in: bool = Field(False, description="Give a PIN, with which one person may dial in.")
    metadata: Metadata = Field(
        default_factory=dict, description="Yours, given back unread.",
        json_schema_extra={"maxProperties": METADATA_KEYS_MAX},
    )  # fmt: skip


class AddParticipant(Body):
    participant: Who = Field(description="User id or number.", examples=["+8613900000006"])


class ChangeParticipant(Body):
    muted: bool = Field(description="Whether nobody hears him; he hears the others all the same.")


@router.post("", status_code=201, summary="Begin a conference",
             responses=gives("Conference", 400, 402, 404, 409, 413, 415, 429, status=201),
             openapi_extra=takes(StartConference) | IDEMPOTENT)  # fmt: skip
async def begin(request: Request) -> Response:
    """Rings the host; when he has answered, all participants at once. Answers before anybody has picked up."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    body = await read(request, StartConference)
    if not body.participants and not body.dial_in:
        raise Problem("malformed-body", "participants: somebody to ring is needed, or dial_in.", "participants")
    asked = ask_of(
        body.model_dump(exclude={"metadata", "private"}), conference.TYPE, body.metadata, private=body.private
    )
    ask = replace(asked, tenant=key.tenant)
    d = doors(request)
    answer = await d.service.place(ask, owner=key.owner, idempotency_key=once)
    if isinstance(answer, Refusal):
        raise _refused(answer)
    pin = await _pin(d, answer, FIRST_PIN) if body.dial_in else UNSET
    left = await d.capacity.after(answer)
    view = conference_view(answer, d.now_ms(), pin, tenant=key.tenant, language=spoken(request.scope), left=left)
    return reply(view, 201, {"Location": f"/v1/conferences/{answer.id}"})


@router.get("/{id}", summary="Look at a conference", responses=gives("Conference", 404))
async def show_conference(request: Request, id: str) -> Response:
    """Who is there, who is muted, who speaks, and what each has cost so far."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    return reply(_shown(request, key, await _conference(d, key, id)))


@router.delete("/{id}", summary="End a conference", responses=gives("Conference", 404, also=202))
async def end_conference(request: Request, id: str) -> Response:
    """All are hung up: 202 with the conference as it was. 200 where it has ended already."""
    key = await allowed(request, "call")
    d = doors(request)
    await _conference(d, key, id)
    call, is_over = await calls.ended(d, key, id)
    return reply(_shown(request, key, call), 200 if is_over else 202)


@router.post("/{id}/participants", status_code=201, summary="Add a participant",
             responses=gives("Conference", 400, 404, 409, 413, 415, 429, status=201),
             openapi_extra=takes(AddParticipant) | IDEMPOTENT)  # fmt: skip
async def add_participant(request: Request, id: str) -> Response:
    """Rings one more. Who did not answer, or has left, is rung again, and is then another participant."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    body = await read(request, AddParticipant)
    d = doors(request)
    return await _rung(request, key, await _conference(d, key, id), body.participant, _ask(key.owner, id, once))


@router.post("/{id}/participants/{leg}/ring", status_code=201, summary="Ring a participant again",
             responses=gives("Conference", 404, 409, 429, status=201), openapi_extra=IDEMPOTENT)  # fmt: skip
async def ring(request: Request, id: str, leg: LegName) -> Response:
    """One who did not answer, or has left. He is then another participant, with a leg of its own."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    d = doors(request)
    call = await _conference(d, key, id)
    return await _rung(request, key, call, _leg(call, leg).number, _ask(key.owner, f"{id}.{leg}", once))


@router.patch("/{id}/participants/{leg}", summary="Mute a participant, or let him be heard again",
              responses=gives("Conference", 404, 409, 413, 415), openapi_extra=takes(ChangeParticipant))  # fmt: skip
async def change(request: Request, id: str, leg: LegName) -> Response:
    """Also of one who is still being rung: then he is not heard from the first."""
    key = await allowed(request, "call")
    body = await read(request, ChangeParticipant)
    d = doors(request)
    call = await _conference(d, key, id)
    if _there(call, leg).is_muted != body.muted:
        call = await _told(d, call, leg, "mute" if body.muted else "unmute")
    return reply(_shown(request, key, call))


@router.delete("/{id}/participants/{leg}", summary="Remove a participant", responses=gives("Conference", 404, 409))
async def remove_participant(request: Request, id: str, leg: LegName) -> Response:
    """He is hung up, or rung no more. Removing the host ends a conference that ends with him."""
    key = await allowed(request, "call")
    d = doors(request)
    call = await _conference(d, key, id)
    gone = await _told(d, call, _there(call, leg).role, LEAVE)
    return reply(_shown(request, key, gone))


@router.post("/{id}/pins", status_code=201, summary="Make a PIN",
             responses=gives("Pin", 404, 409, status=201), openapi_extra=IDEMPOTENT)  # fmt: skip
async def make_pin(request: Request, id: str) -> Response:
    """With which one person may dial in, once; his leg costs nothing."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    d = doors(request)
    call = await _conference(d, key, id)
    if call.is_over:
        raise _over()
    return reply(await _pin(d, call, _ask(key.owner, id, once)), 201)


# ---- inner ----------------------------------------------------------------------------------------------------------


def _ask(owner: str, of: str, once: str | None) -> str:
    """Derived, so that the same request takes effect once."""
    seed = secrets.token_hex(16) if once is None else f"{owner}\0{of}\0{once}"
    return "a" + hashlib.sha256(seed.encode()).hexdigest()[:24]


async def _conference(d: Doors, key: ApiKey, id: str) -> Call:
    """Raises Problem (404), UnreadableRecord."""
    call = await calls.find_call(d, key, id)
    if call is None or call.type != conference.TYPE:
        raise Problem("not-found", "There is no such conference.", "id")
    return call


def _leg(call: Call, name: str) -> Leg:
    if not call.has_leg(name):
        raise Problem("not-found", "This conference has no such participant.", "leg")
    return call.leg(name)


def _there(call: Call, name: str) -> Leg:
    leg = _leg(call, name)
    if call.is_over:
        raise _over()
    if not is_there(call, leg):
        raise Problem("participant-gone", "He has left, or did not answer.", "leg")
    return leg


def _shown(request: Request, key: ApiKey, call: Call) -> ConferenceView:
    return conference_view(call, doors(request).now_ms(), tenant=key.tenant, language=spoken(request.scope))


async def _rung(request: Request, key: ApiKey, call: Call, who: str, ask: str) -> Response:
    if call.is_over and leg_of(call, ask) is None:
        raise _over()
    party = Party(conference.STEM, who, "participant", shows_payer=True)
    answer = await doors(request).service.add(call, party, host=call.leg(conference.HOST).number, ask=ask)
    if isinstance(answer, Refusal):
        raise _refused(answer)
    return reply(_shown(request, key, answer), 201, {"Location": _place(answer, leg_of(answer, ask))})


def _place(call: Call, leg: Leg | None) -> str:
    return f"/v1/conferences/{call.id}/participants/{leg.role if leg else ''}"


async def _told(d: Doors, call: Call, leg: str, word: str) -> Call:
    answer = await d.engine.tell(call.id, Told(leg, word, f"w{secrets.token_hex(12)}", 0))
    if isinstance(answer, NotTaken):
        raise _over() if answer.why != "full" else Problem("call-over", "It has been told all that it can be.", "id")
    return answer


async def _pin(d: Doors, call: Call, ask: str) -> PinView:
    return pin_view(d.platform_number, await d.pins.make(call.id, ask))


def _over() -> Problem:
    return Problem("call-over", "This conference has ended.", "id")


def _refused(refusal: Refusal) -> Problem:
    """`caller`, as it is called elsewhere, is the host here."""
    problem = calls.refused(refusal)
    if refusal.at in ("caller", "callee"):
        problem.field = AT if refusal.at == "caller" else "participants"
    return problem
