"""What people and programs see of teams and plans: what a member gets, and which lines of the statement put each of a
user's minutes there. Pure; seconds as they are, times as RFC 3339."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from ari_app.domain.ledger_types import NEVER_MS, Balance, Bucket, Kind, Line, What
from ari_app.domain.plans import Entitlement, Plans, Team
from ari_app.domain.tenants import OPERATOR, as_seen_by
from ari_app.engine.entitlements import Entitled
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.ports.teams import SeatPage, TeamInfo

Size = Annotated[int, Meta(description="Proved numbers of its members, each once: what the plan goes by.")]
PlanName = Annotated[str, Meta(description="What a member gets by this team alone, now.")]


class TeamView(msgspec.Struct):
    """A team. `members` are all who are in it."""

    id: str
    name: str
    certified: bool
    members: int
    size: Size
    plan: PlanName
    allowance_s: int


class MemberView(msgspec.Struct):
    user: str
    number_counts: Annotated[bool, Meta(description="A proved number of his counts towards the team's size.")]


class TeamOfUserView(msgspec.Struct):
    id: str
    name: str
    certified: bool
    size: Size
    plan: PlanName
    allowance_s: int


class SourceView(msgspec.Struct):
    """A line of the statement. Less than 0: what the month's line took back."""

    seq: int
    at: Time
    what: str
    seconds: int
    op: str
    call: str | None
    note: str


class MinutesView(msgspec.Struct, rename={"from_": "from"}):
    """A bucket, and the lines that put something into it, oldest first: together its `granted_s`."""

    kind: str
    remaining_s: int
    granted_s: int
    expires_at: Time | None
    from_: list[SourceView]


class PlanView(msgspec.Struct):
    """`allowance_s` a month by `plan`, whose reason is `why`. `counted_s` of it were granted to others this month
    through his numbers; null: he has no proved number. `complete` is false where lines were missing or too many."""

    user: str
    plan: str
    allowance_s: int
    period: str
    ends_at: Annotated[Time, Meta(description="When the month turns.")]
    why: str
    plans_version: str
    teams: list[TeamOfUserView]
    numbers: Annotated[list[str], Meta(description="Proved.")]
    counted_s: int | None
    minutes: list[MinutesView]
    complete: bool


def team_view(team: TeamInfo, plans: Plans, tenant: str = OPERATOR) -> TeamView:
    got = _by_team_alone(team, plans)
    return TeamView(
        as_seen_by(tenant, team.id), team.name, team.is_certified, team.members, team.size, got.plan.name,
        got.allowance_s,
    )  # fmt: skip


def members_view(page: SeatPage, tenant: str = OPERATOR) -> list[MemberView]:
    return [MemberView(as_seen_by(tenant, user), bool(number)) for user, number in page.seats]


def plan_view(
    user_id: str,
    entitled: Entitled,
    balance: Balance,
    teams: Sequence[TeamInfo],
    plans: Plans,
    origins: Origins,
    tenant: str = OPERATOR,
) -> PlanView:
    return PlanView(
        user=as_seen_by(tenant, user_id), plan=entitled.to.plan.name, allowance_s=entitled.to.allowance_s,
        period=entitled.month.key,
        ends_at=rfc3339(entitled.month.ends_at_ms), why=entitled.to.why, plans_version=plans.version,
        teams=[_team_of_user(team, plans, tenant) for team in teams], numbers=list(entitled.numbers),
        counted_s=entitled.month.counted_s, minutes=[_minutes(one, origins) for one in balance.buckets],
        complete=origins.is_complete,
    )  # fmt: skip


def _by_team_alone(team: TeamInfo, plans: Plans) -> Entitlement:
    return plans.best([Team(team.size, team.is_certified, team.id)])


def _team_of_user(team: TeamInfo, plans: Plans, tenant: str) -> TeamOfUserView:
    got = _by_team_alone(team, plans)
    id = as_seen_by(tenant, team.id)
    return TeamOfUserView(id, team.name, team.is_certified, team.size, got.plan.name, got.allowance_s)


class Origins:
    """Fed with a statement, newest line first, it finds the lines that put the minutes of each bucket there.

    An emptied bucket goes, and one of its kind and expiry may come again: its lines are those that add up to what was
    put into it, counted from the newest. A month's bucket stays, so that what was taken back of it counts, too.
    """

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._missing_s = {(one.kind, one.expires_at_ms): one.granted_s for one in buckets}
        self._lines: dict[tuple[Kind, int], list[Line]] = {place: [] for place in self._missing_s}

    @property
    def is_complete(self) -> bool:
        return not self._missing_s

    def read(self, lines: Iterable[Line]) -> None:
        for line in lines:
            place = line.kind, line.expires_at_ms
            if place in self._missing_s and (line.seconds > 0 or line.what is What.MONTH):
                self._lines[place].append(line)
                self._missing_s[place] -= line.seconds
                if self._missing_s[place] <= 0:
                    del self._missing_s[place]

    def of(self, bucket: Bucket) -> list[Line]:
        """Oldest first."""
        return self._lines[bucket.kind, bucket.expires_at_ms][::-1]


def _minutes(bucket: Bucket, origins: Origins) -> MinutesView:
    sources = [
        SourceView(line.seq, rfc3339(line.at_ms), str(line.what), line.seconds, line.op, line.call or None, line.note)
        for line in origins.of(bucket)
    ]
    expires_at = None if bucket.expires_at_ms == NEVER_MS else rfc3339(bucket.expires_at_ms)
    return MinutesView(str(bucket.kind), bucket.left_s, bucket.granted_s, expires_at, sources)
