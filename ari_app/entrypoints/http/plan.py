"""/v1/users/{id}/plan: what a user is entitled to, why, and where each of his minutes comes from. Changes nothing but
what every look at an account does: it is lifted to his plan."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ari_app.engine.entitlements import Entitled
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.minutes import touched
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.http.users import UserId, known_user
from ari_app.entrypoints.views_plan import Origins, plan_view
from ari_app.ports.ledger import Balance, StatementPage
from ari_app.ports.users import User

router = APIRouter(prefix="/v1/users", tags=["users"])

PAGE = 500
LINES_MAX = 2_000
"""Lines of the statement that one question looks through, newest first."""
TRIES_MAX = 3


@router.get("/{id}/plan", summary="Where the minutes come from", responses=gives("Plan", 404))
async def plan(request: Request, id: UserId) -> Response:
    """The plan and why it is this one; for each bucket the lines of the statement that put its minutes there."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    user = await known_user(d, key, id)
    entitled, balance, page = await _of_one_moment(d, user)
    origins, seen = Origins(balance.buckets), 0
    while True:
        origins.read(page.lines)
        seen += len(page.lines)
        if origins.is_complete or page.next_cursor is None or seen >= LINES_MAX:
            break
        page = await d.ledger.statement(payer=user.id, cursor=page.next_cursor, limit=PAGE)
    seats = await d.teams.look(user.teams, user.id) if user.teams else ()
    teams = [seat.team for seat in seats if seat.number is not None]
    return reply(plan_view(user.id, entitled, balance, teams, d.plans, origins, key.tenant))


async def _of_one_moment(d: Doors, user: User) -> tuple[Entitled, Balance, StatementPage]:
    """A balance and the statement that led to it: a line written in between would explain minutes of another."""
    for _ in range(TRIES_MAX):
        entitled, balance = await touched(d, user)
        page = await d.ledger.statement(payer=user.id, limit=PAGE)
        if not page.lines or page.lines[0].balance_after_s == balance.available_s + balance.held_s:
            break
    return entitled, balance, page
