"""/v1/users/{id}/numbers/{n}: proving that a number is the user's, by a code that is read out to it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request, Response

from ari_app.engine.asks import Refusal
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import ConfirmNumber, read, takes
from ari_app.entrypoints.http.calls import refused
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.users import UserId, known_user
from ari_app.entrypoints.http.whose import shown

router = APIRouter(prefix="/v1/users", tags=["users"])

His = Annotated[str, Path(description="A number of the user's, with its + as %2B.")]


class VerificationView(msgspec.Struct):
    """The call that reads the code out; how it goes, `GET /v1/calls/{call}` says."""

    call: str
    user: str
    number: str
    expires_at: Annotated[views.Time, msgspec.Meta(description="Until then the code is good.")]
    tries: Annotated[int, msgspec.Meta(description="How often it may be guessed.")]


@router.post(
    "/{id}/numbers/{n}/verify", status_code=201, summary="Read a code out to a number",
    responses=gives("Verification", 400, 404, 409, status=201), openapi_extra=IDEMPOTENT,
)  # fmt: skip
async def verify(request: Request, id: UserId, n: His) -> Response:
    """Rings the number and reads six digits out, twice. Takes nobody's minutes. A code that was read out to it before
    is good no more."""
    key = await allowed(request, "call")
    once = idempotency_key(request)
    d = doors(request)
    user = await known_user(d, key, id)
    begun = await d.proving.begin(user, _number(d, n), owner=key.owner, idempotency_key=once)
    if isinstance(begun, Refusal):
        raise refused(begun)
    call = begun.call
    number, expires_at = call.legs[0].number, views.rfc3339(begun.expires_at_ms)
    view = VerificationView(call.id, shown(key, user.id), number, expires_at, begun.tries)
    return reply(view, 201, {"Location": f"/v1/calls/{call.id}"})


@router.post(
    "/{id}/numbers/{n}/confirm", summary="Give the code back", responses=gives("User", 400, 404, 409, 413, 415),
    openapi_extra=takes(ConfirmNumber),
)  # fmt: skip
async def confirm(request: Request, id: UserId, n: His) -> Response:
    """Then the number is proved to be the user's: he may be rung there as a caller, and it may be shown. A code is good
    once; who asks again after the answer was lost has it again."""
    key = await allowed(request, "call")
    body = await read(request, ConfirmNumber)
    d = doors(request)
    user = await known_user(d, key, id)
    done = await d.proving.confirm(user, _number(d, n), body.code)
    if isinstance(done, Refusal):
        raise refused(done)
    return reply(views.user_view(done, key.tenant))


def _number(d: Doors, written: str) -> str:
    number = d.read_number(written)
    if number is None:
        raise Problem("invalid-number", f"{written} is not a phone number.", "n")
    return number.text
