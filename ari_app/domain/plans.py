"""Which allowance a user has, and when the month turns. Data and pure functions; `now` is passed in.

Only the personal plan is granted so far; team sizes are in the table already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ari_app.domain.ledger_types import MonthGrant

TEAM_MIN = 6
"""Members with a verified number from which a team's plan applies; fewer have the personal one."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps`: (members from which it applies, minutes per member and month), smallest team first."""

    name: str
    steps: tuple[tuple[int, int], ...]

    def allowance_s(self, members: int) -> int:
        """0 where the team is too small for this plan."""
        return max((minutes * 60 for size, minutes in self.steps if members >= size), default=0)


PERSONAL = Plan("personal", ((0, 60),))
TEAM = Plan("team", ((6, 90), (10, 150), (20, 200), (50, 300), (100, 400)))
CERTIFIED = Plan("certified", ((6, 400), (20, 500), (50, 700), (100, 1000)))
SHIPPED: Mapping[str, Plan] = MappingProxyType({plan.name: plan for plan in (PERSONAL, TEAM, CERTIFIED)})


@dataclass(frozen=True, slots=True)
class Team:
    members: int = 1  # with a verified number, each number once
    is_certified: bool = False


def best(team: Team | None = None, plans: Mapping[str, Plan] = SHIPPED) -> tuple[str, int]:
    """(plan, allowance_s) of a member: the best that applies, never the sum."""
    applying = [plans["personal"]]
    if team is not None and team.members >= TEAM_MIN:
        applying += [plans["team"]] + ([plans["certified"]] if team.is_certified else [])
    members = team.members if team is not None else 1
    return max(((plan.name, plan.allowance_s(members)) for plan in applying), key=lambda one: one[1])


def allowance_s(team: Team | None = None, plans: Mapping[str, Plan] = SHIPPED) -> int:
    return best(team, plans)[1]


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in the operator's time zone; `ends_at_ms` is the first instant of the next one."""

    key: str  # "2026-11": later months sort behind
    starts_at_ms: int
    ends_at_ms: int

    def grant(self, allowance_s: int) -> MonthGrant:
        return MonthGrant(self.key, allowance_s, self.ends_at_ms)


def month_of(now_ms: int, timezone: str) -> Month:
    """`timezone` is an IANA name such as Asia/Shanghai; raises ZoneInfoNotFoundError for an unknown one."""
    local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone))
    return _month(local.year, local.month, timezone)


@lru_cache(maxsize=64)
def _month(year: int, month: int, timezone: str) -> Month:
    zone = ZoneInfo(timezone)
    after = (year + 1, 1) if month == 12 else (year, month + 1)
    starts, ends = (int(datetime(y, m, 1, tzinfo=zone).timestamp() * 1000) for y, m in ((year, month), after))
    return Month(f"{year:04d}-{month:02d}", starts, ends)
