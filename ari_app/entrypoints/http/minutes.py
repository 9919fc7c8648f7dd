"""/v1/users/{id}/…: the minutes a user has, how they came and went, and the operator's hand on them. Translates only:
what may happen to an account is the ledger's business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import Answer, check_expiry
from ari_app.engine.entitlements import Entitled
from ari_app.entrypoints import views, views_account
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import Correct, Grant, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, operation_id, reply, surely
from ari_app.entrypoints.http.users import UserId, known_user
from ari_app.entrypoints.http.whose import operators_alone
from ari_app.ports.ledger import Balance, Conflict, Kind, Refused, Why
from ari_app.ports.users import User

router = APIRouter(prefix="/v1/users", tags=["users"])

T = TypeVar("T", bound=Answer)
LIMIT, LIMIT_MAX = 50, 500
NOT_GRANTED = {
    Why.EXPIRED: "this time has passed.",
    Why.FULL: "the account has too many different expiries already; use one of those.",
}
NO_ROOM = "the account has too many different expiries already, so that nothing can be added; nothing was changed."


class Statement(msgspec.Struct):
    """Newest first. `cursor` goes into the next question; null: there is no more."""

    lines: list[views_account.LineView]
    cursor: str | None


class Granted(msgspec.Struct):
    op: Annotated[str, msgspec.Meta(description="Names the grant on the statement.")]
    balance: views_account.BalanceView


class Corrected(msgspec.Struct):
    op: Annotated[str, msgspec.Meta(description="Names the correction on the statement.")]
    balance: views_account.BalanceView


@router.get("/{id}/balance", summary="Minutes left", responses=gives("Balance", 404))
async def balance(request: Request, id: UserId) -> Response:
    """In seconds. `held_s` is set aside for calls that go on."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    return reply(await balance_of(d, await known_user(d, key, id)))


@router.get("/{id}/statement", summary="Every change of the balance", responses=gives("Statement", 404))
async def statement(
    request: Request, id: UserId, cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT,
) -> Response:  # fmt: skip
    """Append-only, newest first; replays to the balance."""
    key = await allowed(request, "read")
    d = doors(request)
    user = await known_user(d, key, id)
    await touched(d, user)  # so that what has expired by now is on the statement
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
    user = await known_user(d, key, id)
    operators_alone(key)
    op = operation_id("grant", user.id, key.owner, once)
    expires_at_ms = None if body.expires_at is None else _expiry(body.expires_at)
    asked = d.ledger.grant(
        op=op, payer=user.id, kind=Kind(body.kind), seconds=body.seconds, now_ms=d.now_ms(),
        expires_at_ms=expires_at_ms,
    )  # fmt: skip
    _, balance = await by_hand(d, user, asked, op=op, once=once, what="grant", refused=_not_granted)
    return reply(Granted(op, balance), 201)


@router.post("/{id}/corrections", status_code=201, summary="Put minutes right, up or down",
             responses=gives("Corrected", 404, 409, 413, 415, status=201),
             openapi_extra=takes(Correct) | IDEMPOTENT)  # fmt: skip
async def correct(request: Request, id: UserId) -> Response:
    """Takes all of its seconds or none, and never what is held for a call. Answers when it is safe on disk."""
    key = await allowed(request, "admin")
    once = idempotency_key(request)
    body = await read(request, Correct)
    d = doors(request)
    user = await known_user(d, key, id)
    operators_alone(key)
    op, now_ms = operation_id("correct", user.id, key.owner, once), d.now_ms()
    month = (await d.entitled(user, now_ms)).month
    asked = d.ledger.correct(op=op, payer=user.id, seconds=body.seconds, reason=body.reason, now_ms=now_ms, month=month)
    _, balance = await by_hand(d, user, asked, op=op, once=once, what="correction", refused=_not_corrected)
    return reply(Corrected(op, balance), 201)


async def by_hand(
    d: Doors, user: User, asked: Awaitable[T | Refused | Conflict[T]], *, op: str, once: str | None, what: str,
    refused: Callable[[Refused], Problem],
) -> tuple[T, views_account.BalanceView]:  # fmt: skip
    """What the ledger did to the user's minutes, when it is safe on disk, and his balance with it. Raises Problem."""
    done = await surely(op, once, asked)
    if isinstance(done, Conflict):
        sentence = f"This Idempotency-Key was used before, for another {what}."
        raise Problem("idempotency-conflict", sentence, "Idempotency-Key")
    if isinstance(done, Refused):
        raise refused(done)
    await surely(op, once, d.ledger.durable(user.id))
    return done, await surely(op, once, balance_of(d, user))


def _not_granted(refused: Refused) -> Problem:
    return Problem("malformed-body", f"expires_at: {NOT_GRANTED[refused.why]}", "expires_at")


def _not_corrected(refused: Refused) -> Problem:
    if refused.why is Why.FULL:
        return Problem("malformed-body", f"seconds: {NO_ROOM}", "seconds")
    sentence = f"Only {refused.available_s} seconds are available, without what is held; nothing was changed."
    return Problem("balance-too-small", sentence, "seconds")


async def touched(d: Doors, user: User) -> tuple[Entitled, Balance]:
    """What he is entitled to, and his balance with it and with what has expired by now."""
    now_ms = d.now_ms()
    entitled = await d.entitled(user, now_ms)
    return entitled, await d.ledger.touch(payer=user.id, now_ms=now_ms, month=entitled.month)


async def balance_of(d: Doors, user: User) -> views_account.BalanceView:
    entitled, balance = await touched(d, user)
    return views_account.balance_view(balance, plan=entitled.to.plan.name, period=entitled.month.key)


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
