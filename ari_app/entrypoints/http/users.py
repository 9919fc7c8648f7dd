"""/v1/users: who they are, which numbers are theirs, and their minutes."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import check_expiry
from ari_app.entrypoints import views, views_account
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import Grant, PutUser, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.ports.ledger import Conflict, Kind, Refused, Why
from ari_app.ports.users import USER_ID, NumberTaken, OwnedNumber, User

router = APIRouter(prefix="/v1/users", tags=["users"])

LIMIT, LIMIT_MAX = 50, 500
NOT_GRANTED = {
    Why.EXPIRED: "this time has passed.",
    Why.FULL: "the account has too many different expiries already; use one of those.",
}
UserId = Annotated[str, Path(description="1 to 64 of A-Z a-z 0-9 _ . : -")]


class Statement(msgspec.Struct):
    """Newest first. `cursor` goes into the next question; null: there is no more."""

    lines: list[views_account.LineView]
    cursor: str | None


class Granted(msgspec.Struct):
    op: Annotated[str, msgspec.Meta(description="Names the grant on the statement.")]
    balance: views_account.BalanceView


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
    done = await d.users.put(User(id, numbers, body.name or "", body.locale or ""))
    if isinstance(done, NumberTaken):
        raise Problem("number-taken", f"The number {done.number} belongs to another user.", "numbers")
    return reply(views.user_view(done.user))


@router.get("/{id}", summary="Look at a user", responses=gives("User", 404))
async def get(request: Request, id: UserId) -> Response:
    await allowed(request, "read", "call")
    return reply(views.user_view(await _user(doors(request), id)))


@router.get("/{id}/balance", summary="Minutes left", responses=gives("Balance", 404))
async def balance(request: Request, id: UserId) -> Response:
    """In seconds. `held_s` is set aside for calls that go on."""
    await allowed(request, "read", "call")
    d = doors(request)
    return reply(await _balance(d, await _user(d, id)))


@router.get("/{id}/statement", summary="Every change of the balance", responses=gives("Statement", 404))
async def statement(
    request: Request, id: UserId, cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
) -> Response:  # fmt: skip
    """Append-only, newest first; replays to the balance."""
    await allowed(request, "read")
    d = doors(request)
    user = await _user(d, id)
    await _balance(d, user)  # touches the account, so that what has expired by now is on the statement
    try:
        page = await d.ledger.statement(payer=user.id, cursor=cursor, limit=limit)
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None
    return reply(Statement([views_account.line_view(line) for line in page.lines], page.next_cursor))


@router.post("/{id}/grants", status_code=201, summary="Give minutes",
             responses=gives("Granted", 404, 409, 413, 415, status=201),
             openapi_extra=takes(Grant) | IDEMPOTENT)  # fmt: skip
async def grant(request: Request, id: UserId) -> Response:
    """Answers when the grant is safe on disk."""
    key = await allowed(request, "admin")
    once = idempotency_key(request)
    body = await read(request, Grant)
    d = doors(request)
    user = await _user(d, id)
    op = grant_op(key.id, once)
    expires_at_ms = None if body.expires_at is None else _expiry(body.expires_at)
    done = await d.ledger.grant(
        op=op, payer=user.id, kind=Kind(body.kind), seconds=body.seconds, now_ms=d.now_ms(),
        expires_at_ms=expires_at_ms,
    )  # fmt: skip
    if isinstance(done, Conflict):
        sentence = "This Idempotency-Key was used before, for another grant."
        raise Problem("idempotency-conflict", sentence, "Idempotency-Key")
    if isinstance(done, Refused):
        raise Problem("malformed-body", f"expires_at: {NOT_GRANTED[done.why]}", "expires_at")
    await d.ledger.durable()
    return reply(Granted(op, await _balance(d, user)), 201)


def grant_op(key_id: str, idempotency_key: str | None) -> str:
    """The ledger's operation id: derived, so that the same request takes effect once whatever is lost in between."""
    if idempotency_key is None:
        return "g" + secrets.token_hex(12)
    return "g" + hashlib.sha256(f"{key_id}\0grant\0{idempotency_key}".encode()).hexdigest()[:24]


async def _user(d: Doors, id: str) -> User:
    user = await d.users.get(id) if USER_ID.fullmatch(id) else None
    if user is None:
        raise Problem("unknown-user", "There is no user with this id.", "id")
    return user


async def _balance(d: Doors, user: User) -> views_account.BalanceView:
    now_ms = d.now_ms()
    month = d.month(user.id, now_ms)
    balance = await d.ledger.touch(payer=user.id, now_ms=now_ms, month=month)
    return views_account.balance_view(balance, plan=d.plan(user.id), period=month.key)


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


def _expiry(written: str) -> int:
    try:
        at_ms = views.at_ms(written)
        check_expiry(at_ms)
    except CallerError as e:
        raise Problem("malformed-body", f"{e}.", "expires_at") from None
    except ValueError:
        raise Problem(
            "malformed-body", "expires_at: a time such as 2026-12-31T16:00:00Z is expected.", "expires_at"
        ) from None
    return at_ms
