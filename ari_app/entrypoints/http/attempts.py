"""/v1/users/{id}/limits/{number}: what is counted of a user's calls to a number, and the operator's hand to lift it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from ari_app.engine.attempts import Standing, rule_of
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.http.users import UserId, known_user
from ari_app.entrypoints.http.whose import operators_alone, shown
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.ports.keys import ApiKey
from ari_app.ports.limits import Kind

router = APIRouter(prefix="/v1/users", tags=["users"])

OF_ONE_USER: tuple[Kind, ...] = ("pair", "prover", "guess")
"""What is counted of him alone."""

Called = Annotated[str, Path(description="The called number, with its + as %2B.")]


class CountedCall(msgspec.Struct):
    id: str
    at: Time


class Counted(msgspec.Struct):
    """`calls`, the oldest first. `hit`: the rule by which one more would be refused, and for how long; null: none."""

    of: Annotated[
        Kind,
        msgspec.Meta(
            description="`pair`: this user's calls to it; `number`: everybody's. Codes: `proof`, read out to it; "
            "`prover`, for this user; `partner`, for all users of his tenant. No other is told here."
        ),
    ]
    rules: list[str]
    calls: list[CountedCall]
    hit: str | None
    again_s: int | None


class LimitsNow(msgspec.Struct):
    """Nothing is `counted` where no limit is for this number."""

    user: str
    number: str
    counted: list[Counted]


class Lifted(msgspec.Struct):
    forgotten: Annotated[int, msgspec.Meta(description="Calls that do not count any more.")]


@router.get("/{id}/limits/{number}", summary="How often a number was called", responses=gives("LimitsNow", 400, 404))
async def show_limits(request: Request, id: UserId, number: Called) -> Response:
    """As far as it counts for the limits of a pair and of a number."""
    key = await allowed(request, "read")
    d = doors(request)
    user, called = (await known_user(d, key, id)).id, _number(d, number)
    standing = await d.attempts.standing(user, called, d.now_ms())
    return reply(LimitsNow(shown(key, user), called, [_counted(one, key) for one in standing]))


@router.delete("/{id}/limits/{number}", summary="Lift the limits", responses=gives("Lifted", 400, 404))
async def lift_limits(
    request: Request, id: UserId, number: Called,
    of_all: Annotated[bool, Query(description="Also what all users' calls count for this number.")] = False,
) -> Response:  # fmt: skip
    """Calls so far do not count any more; those that come do."""
    key = await allowed(request, "admin")
    d = doors(request)
    user = await known_user(d, key, id)
    operators_alone(key)
    return reply(Lifted(await d.attempts.lift(user.id, _number(d, number), of_all=of_all)))


def _number(d: Doors, written: str) -> str:
    number = d.read_number(written)
    if number is None:
        raise Problem("invalid-number", f"{written} is not a phone number that can be called.", "number")
    return number.text


def _counted(one: Standing, key: ApiKey) -> Counted:
    """Of what all users together did, a tenant is told how often, and not by which calls: they may be another's."""
    may_name = key.is_operators or one.what.kind in OF_ONE_USER
    return Counted(
        one.what.kind, [rule_of(one.what, limit) for limit in one.limits],
        [CountedCall(call if may_name else "", rfc3339(at_ms)) for call, at_ms in one.marks.items()],
        None if one.over is None else rule_of(one.what, one.over.limit),
        None if one.over is None else -(-one.over.again_ms // 1000),
    )  # fmt: skip
