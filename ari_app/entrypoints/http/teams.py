"""/v1/teams: teams and who is in them. Their plans follow from their size; nothing is granted here: a member's account
is lifted when it is next looked at."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.domain.tenants import MARK
from ari_app.engine.membership import NotSeated
from ari_app.entrypoints import views_plan
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import PutTeam, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.http.users import known_tenant
from ari_app.entrypoints.http.whose import operators_alone, team_id, user_id
from ari_app.ports.keys import ApiKey
from ari_app.ports.teams import MEMBERS_MAX, TEAM_ID, TEAMS_MAX, TeamInfo

router = APIRouter(prefix="/v1/teams", tags=["teams"])

LIMIT, LIMIT_MAX = 100, 500
NOT_SEATED = {
    "unknown-user": ("There is no user with this id.", "user"),
    "unknown-team": ("There is no team with this id.", "id"),
    "too-many-teams": (f"This user is in {TEAMS_MAX} teams already; a user is in no more.", "user"),
    "team-full": (f"The team has {MEMBERS_MAX} members already; a team has no more.", "id"),
}
TeamId = Annotated[str, Path(description="1 to 64 of A-Z a-z 0-9 _ . : -")]
MemberId = Annotated[str, Path(description="The id of a user.")]


class Members(msgspec.Struct):
    """In no order. `cursor` goes into the next question; null: there is no more."""

    members: list[views_plan.MemberView]
    cursor: str | None


@router.put("/{id}", summary="Make or change a team", responses=gives("Team", 413, 415), openapi_extra=takes(PutTeam))
async def put_team(request: Request, id: TeamId) -> Response:
    """Its members stay. A team that is certified, or grows, lifts the current month of every member."""
    key = await allowed(request, "admin")
    body = await read(request, PutTeam)
    if not TEAM_ID.fullmatch(id.partition(MARK)[0]):
        raise Problem("malformed-request", "id: 1 to 64 letters, digits, _ . : or - are expected.", "id")
    if (kept := team_id(key, id)) is None:
        raise _unknown()
    d, certified = doors(request), body.certified
    await known_tenant(d, kept)
    if not key.is_operators:
        certified = await _certified_as_it_is(d, key, kept, body)
    return _reply(d, key, await d.teams.put(kept, name=body.name, is_certified=certified))


@router.get("/{id}", summary="Look at a team", responses=gives("Team", 404))
async def get_team(request: Request, id: TeamId) -> Response:
    """`plan` and `allowance_s` are what a member gets by this team alone, now."""
    key = await allowed(request, "read", "call")
    d = doors(request)
    return _reply(d, key, await _team(d, key, id))


@router.get("/{id}/members", summary="Who is in a team", responses=gives("Members", 404))
async def members(
    request: Request, id: TeamId, cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="About how many.")] = LIMIT,
) -> Response:  # fmt: skip
    """A page may be longer or shorter than `limit`; who comes or goes meanwhile may be told twice or not at all."""
    key = await allowed(request, "read")
    d = doors(request)
    team = await _team(d, key, id)
    try:
        page = await d.teams.seats(team.id, cursor=cursor, limit=limit)
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None
    return reply(Members(views_plan.members_view(page, key.tenant), page.next_cursor))


@router.put("/{id}/members/{user}", summary="Put a user into a team", responses=gives("Team", 404, 409))
async def add_member(request: Request, id: TeamId, user: MemberId) -> Response:
    """Needs no body; once more changes nothing. He counts towards the size while he has a proved number."""
    key = await allowed(request, "admin")
    d = doors(request)
    team, member = await _team(d, key, id), user_id(key, user)
    done = NotSeated("unknown-user") if member is None else await d.membership.join(team.id, member)
    if isinstance(done, NotSeated):
        raise Problem(done.why, *NOT_SEATED[done.why])
    return _reply(d, key, await _team(d, key, id))


@router.delete("/{id}/members/{user}", summary="Take a user out of a team", responses=gives("Team", 404))
async def remove_member(request: Request, id: TeamId, user: MemberId) -> Response:
    """What he was granted this month stays his."""
    key = await allowed(request, "admin")
    d = doors(request)
    team, member = await _team(d, key, id), user_id(key, user)
    if member is None or not await d.membership.leave(team.id, member):
        raise Problem("unknown-member", "This user is not in the team.", "user")
    return _reply(d, key, await _team(d, key, id))


async def _team(d: Doors, key: ApiKey, id: str) -> TeamInfo:
    """Of those that the key may see. Raises Problem (404)."""
    kept = team_id(key, id)
    team = None if kept is None else await d.teams.get(kept)
    if team is None:
        raise _unknown()
    return team


async def _certified_as_it_is(d: Doors, key: ApiKey, kept: str, body: PutTeam) -> bool:
    """What a tenant does not name stays, and what he wants he is not given: the plan's minutes are the operator's.
    Raises Problem (403)."""
    there = await d.teams.get(kept)
    is_certified = there is not None and there.is_certified
    if "certified" in body.model_fields_set and body.certified != is_certified:
        operators_alone(key)
    return is_certified


def _unknown() -> Problem:
    return Problem("unknown-team", *NOT_SEATED["unknown-team"])


def _reply(d: Doors, key: ApiKey, team: TeamInfo) -> Response:
    return reply(views_plan.team_view(team, d.plans, key.tenant))
