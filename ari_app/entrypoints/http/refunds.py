"""/v1/calls/{call_id}/refund: what a call was charged, given back. The ledger, which remembers longer than the records
of calls, sees to it that it is never more than the charge."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from ari_app.engine.records import UnreadableRecord
from ari_app.entrypoints import views_account
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import Refund, read, takes
from ari_app.entrypoints.http.calls import CALL_ID, find_call
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.minutes import NO_ROOM, by_hand
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, operation_id, reply
from ari_app.entrypoints.http.users import known_user
from ari_app.entrypoints.http.whose import operators_alone
from ari_app.ports.keys import ApiKey
from ari_app.ports.ledger import Why
from ari_app.ports.users import User

router = APIRouter(prefix="/v1/calls", tags=["calls"])


class Refunded(msgspec.Struct):
    op: Annotated[str, msgspec.Meta(description="Names the refund on the statement.")]
    seconds: int
    balance: views_account.BalanceView


@router.post("/{call_id}/refund", status_code=201, summary="Give back what a call was charged",
             responses=gives("Refunded", 404, 409, 413, 415, status=201),
             openapi_extra=takes(Refund) | IDEMPOTENT)  # fmt: skip
async def refund(
    request: Request, call_id: str,
    user: Annotated[str | None, Query(description="The payer, for a call whose record is gone", max_length=100)] = None,
) -> Response:  # fmt: skip
    """In parts or at once, as bonus minutes that do not expire. Answers when it is safe on disk."""
    key = await allowed(request, "admin")
    once = idempotency_key(request)
    body = await read(request, Refund)
    d = doors(request)
    payer, is_live = await _payer(d, key, call_id, user)
    op = operation_id("refund", call_id, key.owner, once)
    asked = d.ledger.refund(op=op, payer=payer.id, call=call_id, seconds=body.seconds, now_ms=d.now_ms())
    done, balance = await by_hand(
        d, payer, asked, op=op, once=once, what="refund",
        refused=lambda no: _not_refunded(no.why, body, is_live=is_live),
    )  # fmt: skip
    return reply(Refunded(op, done.seconds, balance), 201)


async def _payer(d: Doors, key: ApiKey, call_id: str, named: str | None) -> tuple[User, bool]:
    """Who pays, and whether the call is not settled yet. Raises Problem (404, 422), UnreadableRecord."""
    if not CALL_ID.fullmatch(call_id):
        raise Problem("unknown-call", "There is no such call.", "call_id")
    try:
        call = await find_call(d, key, call_id)
    except UnreadableRecord:
        if named is None:
            raise
        call = None
    if call is not None:
        operators_alone(key)
    if call is not None and not call.payer:
        raise Problem("nothing-to-refund", "Nobody was charged for this call.", "call_id")
    if call is not None:
        if named not in (None, call.payer):
            raise Problem("malformed-request", f"user: {call.payer} pays for this call, not {named}.", "user")
        return await d.users.get(call.payer) or User(call.payer), call.settled is None
    if named is None:
        sentence = "There is no such call here; for one whose record is gone name its payer: ?user=."
        raise Problem("unknown-call", sentence, "call_id")
    payer = await known_user(d, key, named)
    operators_alone(key)
    return payer, False


def _not_refunded(why: Why, body: Refund, *, is_live: bool) -> Problem:
    if why is Why.FULL:
        return Problem("malformed-body", f"The minutes cannot be given back: {NO_ROOM}")
    if why is Why.UNKNOWN_CALL and is_live:
        return Problem("call-not-settled", "This call was charged nothing yet: it goes on.", "call_id")
    if why is Why.UNKNOWN_CALL:
        return Problem("unknown-call", "Nothing is known any more of what this user was charged for it.", "call_id")
    if body.seconds is None:
        return Problem("nothing-to-refund", "Nothing is left of what this call was charged; nothing was changed.")
    sentence = f"Less than {body.seconds} seconds are left of what this call was charged; nothing was changed."
    return Problem("nothing-to-refund", sentence, "seconds")
