"""/v1/users: who they are, and which numbers are theirs. Their minutes: minutes.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import PutUser, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.ports.users import USER_ID, NumberTaken, OwnedNumber, User

router = APIRouter(prefix="/v1/users", tags=["users"])

UserId = Annotated[str, Path(description="1 to 64 of A-Z a-z 0-9 _ . : -")]


@router.put("/{id}", summary="Make or change a user", responses=gives("User", 400, 409, 413, 415),
            openapi_extra=takes(PutUser))  # fmt: skip
async def put(request: Request, id: UserId) -> Response:
    """With an `admin` key the numbers count as proved: the operator's word. Proofs that are there stay."""
    key = await allowed(request, "call")
    body = await read(request, PutUser)
    d = doors(request)
    _check_id(d, id, is_operator=key.may("admin"))
    proof = ("admin", d.now_ms()) if key.may("admin") else (None, None)
    numbers = tuple(OwnedNumber(number, *proof) for number in _numbers(d, body.numbers))
    done = await d.membership.put_user(User(id, numbers, body.name or "", body.locale or ""))
    if isinstance(done, NumberTaken):
        raise Problem("number-taken", f"The number {done.number} belongs to another user.", "numbers")
    return reply(views.user_view(done.user))


@router.get("/{id}", summary="Look at a user", responses=gives("User", 404))
async def get(request: Request, id: UserId) -> Response:
    await allowed(request, "read", "call")
    return reply(views.user_view(await known_user(doors(request), id)))


async def known_user(d: Doors, id: str) -> User:
    """Raises Problem (404)."""
    user = await d.users.get(id) if USER_ID.fullmatch(id) else None
    if user is None:
        raise Problem("unknown-user", "There is no user with this id.", "id")
    return user


def _check_id(d: Doors, id: str, *, is_operator: bool) -> None:
    if not USER_ID.fullmatch(id):
        raise Problem("malformed-request", "id: 1 to 64 letters, digits, _ . : or - are expected.", "id")
    if not is_operator and d.read_number(id) is not None:  # who calls that number would call this user instead
        raise Problem("malformed-request", "id: a user's id must not look like a phone number.", "id")


def _numbers(d: Doors, written: list[str]) -> list[str]:
    numbers = []
    for place, one in enumerate(written):
        number = d.read_number(one)
        if number is None or number.is_short or number.is_emergency:
            raise Problem("invalid-number", f"{one} is not a phone number that a user can have.", f"numbers.{place}")
        numbers.append(number.text)
    return numbers
