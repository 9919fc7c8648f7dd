"""/v1/users: who they are, and which numbers are theirs. Their minutes: minutes.py."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from ari_app.domain.tenants import MARK, tenant_of
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import PutUser, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.http.whose import user_id
from ari_app.ports.keys import ApiKey
from ari_app.ports.users import USER_ID, NumberTaken, OwnedNumber, User

router = APIRouter(prefix="/v1/users", tags=["users"])

UserId = Annotated[str, Path(description="1 to 64 of A-Z a-z 0-9 _ . : -")]


@router.put("/{id}", summary="Make or change a user", responses=gives("User", 400, 409, 413, 415),
            openapi_extra=takes(PutUser))  # fmt: skip
async def put(request: Request, id: UserId) -> Response:
    """With an `admin` key of the operator the numbers count as proved: his word. Proofs that are there stay."""
    key = await allowed(request, "call")
    body = await read(request, PutUser)
    d = doors(request)
    user = await _to_put(d, key, id)
    proof = ("admin", d.now_ms()) if key.is_operators_word else (None, None)
    numbers = tuple(OwnedNumber(number, *proof) for number in _numbers(d, body.numbers))
    done = await d.membership.put_user(User(user, numbers, body.name or "", body.locale or ""))
    if isinstance(done, NumberTaken):
        raise Problem("number-taken", f"The number {done.number} belongs to another user.", "numbers")
    return reply(views.user_view(done.user, key.tenant))


@router.get("/{id}", summary="Look at a user", responses=gives("User", 404))
async def get(request: Request, id: UserId) -> Response:
    key = await allowed(request, "read", "call")
    return reply(views.user_view(await known_user(doors(request), key, id), key.tenant))


async def known_user(d: Doors, key: ApiKey, id: str) -> User:
    """Of those that the key may see, by the id that its holder wrote. Raises Problem (404)."""
    kept = user_id(key, id)
    user = None if kept is None else await d.users.get(kept)
    if user is None:
        raise _unknown()
    return user


async def _to_put(d: Doors, key: ApiKey, id: str) -> str:
    """The id as it is kept. Raises Problem (404, 422)."""
    own = id.partition(MARK)[0]
    if not USER_ID.fullmatch(own):
        raise Problem("malformed-request", "id: 1 to 64 letters, digits, _ . : or - are expected.", "id")
    if not key.may("admin") and d.read_number(own) is not None:  # who calls that number would call this user instead
        raise Problem("malformed-request", "id: a user's id must not look like a phone number.", "id")
    kept = user_id(key, id)
    if kept is None:
        raise _unknown()
    await known_tenant(d, kept)
    return kept


async def known_tenant(d: Doors, kept: str) -> None:
    """Of an id as it is kept: nothing is made of a tenant that is not there. Raises Problem (404)."""
    tenant = tenant_of(kept)
    if tenant and await d.tenants.get(tenant) is None:
        raise Problem("unknown-tenant", f"There is no tenant {tenant}.", "id")


def _unknown() -> Problem:
    return Problem("unknown-user", "There is no user with this id.", "id")


def _numbers(d: Doors, written: list[str]) -> list[str]:
    numbers = []
    for place, one in enumerate(written):
        number = d.read_number(one)
        if number is None or number.is_short or number.is_emergency:
            raise Problem("invalid-number", f"{one} is not a phone number that a user can have.", f"numbers.{place}")
        numbers.append(number.text)
    return numbers
