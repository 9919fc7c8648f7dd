"""Which allowance a user has, and when the month turns. Data and pure functions; `now` is passed in.

The operator's numbers are data (`plans.toml`, read elsewhere); here is only what they mean.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from ari_app.domain.ledger_types import MonthGrant

TEAM_MIN = 6
"""Members from which a team's plans apply, where the operator has said nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`steps`: (members from which it applies, minutes per member and month), smallest team first."""

    name: str
    steps: tuple[tuple[int, int], ...]
    increment: str = ""  # initial/next; "": the setting's
    max_live_calls: int = 0  # 0: the setting's
    slice_s: int = 0  # 0: the setting's

    def allowance_s(self, members: int) -> int:
        """0 where the team is too small for this plan."""
        return 60 * self._applying(members)[1]

    def step(self, members: int) -> int:
        """The members from which the step that applies does so; 0 where none applies, and for a plan without sizes."""
        return self._applying(members)[0]

    def _applying(self, members: int) -> tuple[int, int]:
        return next((step for step in reversed(self.steps) if members >= step[0]), (0, 0))


@dataclass(frozen=True, slots=True)
class Team:
    members: int = 1  # with a verified number, each number once
    is_certified: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a user gets this month, and the team that gives it ("" with 0 members where none does)."""

    plan: Plan
    allowance_s: int
    team: str = ""
    members: int = 0
    step: int = 0

    @property
    def why(self) -> str:
        """A short printable phrase without "|", such as "team acme, 12 members (step 10)"."""
        if not self.members:
            return _phrase(self.plan.name)
        return f"{_phrase(f'{self.plan.name} {self.team}'.strip())}, {self.members} members (step {self.step})"


def _phrase(text: str) -> str:
    """Whatever a team is called, its statement line stays one line with its own separators."""
    return "".join("_" if char == "|" or not char.isprintable() else char for char in text)[:80]


@dataclass(frozen=True, slots=True)
class Plans:
    """The operator's table. `version` names it in the statement of each month that was granted by it."""

    version: str
    personal: Plan
    team: Plan
    certified: Plan
    team_min: int = TEAM_MIN

    def best(self, teams: Iterable[Team] = ()) -> Entitlement:
        """The best allowance that applies, never the sum.

        At equal allowance certified goes before team before personal, then the smaller team id, so that the same
        teams in any order give the same answer.
        """
        rank = {plan: place for place, plan in enumerate((self.certified, self.team, self.personal))}
        return min(self._applying(teams), key=lambda one: (-one.allowance_s, rank[one.plan], one.team, -one.members))

    def _applying(self, teams: Iterable[Team]) -> Iterator[Entitlement]:
        yield Entitlement(self.personal, self.personal.allowance_s(1))
        for team in teams:
            if team.members < self.team_min:
                continue
            for plan in (self.certified, self.team) if team.is_certified else (self.team,):
                if step := plan.step(team.members):
                    yield Entitlement(plan, plan.allowance_s(team.members), team.id, team.members, step)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month in the operator's time zone; `ends_at_ms` is the first instant of the next one."""

    key: str  # "2026-11": later months sort behind
    starts_at_ms: int
    ends_at_ms: int

    def grant(self, allowance_s: int) -> MonthGrant:
        return MonthGrant(self.key, allowance_s, self.ends_at_ms)


def month_of(now_ms: int, timezone: str) -> Month:
    """`timezone` is an IANA name such as Asia/Shanghai; raises ZoneInfoNotFoundError for an unknown one.

    A month begins at the first instant at which the clocks show its first day. Where midnight comes twice that is
    the first of the two, and clocks that go back over midnight do not bring the old month back; where the clocks
    jump over midnight it is the instant of the jump.
    """
    local = datetime.fromtimestamp(now_ms // 1000, ZoneInfo(timezone))
    month = _month(local.year, local.month, timezone)
    return month if now_ms < month.ends_at_ms else _month(*_after(local.year, local.month), timezone)


def _after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


@lru_cache(maxsize=64)
def _month(year: int, month: int, timezone: str) -> Month:
    starts_s, ends_s = (_first_s(*first, ZoneInfo(timezone)) for first in ((year, month), _after(year, month)))
    return Month(f"{year:04d}-{month:02d}", 1000 * starts_s, 1000 * ends_s)


def _first_s(year: int, month: int, zone: ZoneInfo) -> int:
    """When the clocks first show the month, in seconds since 1970."""
    midnight = datetime(year, month, 1, tzinfo=zone)
    early_s, late_s = sorted(int(midnight.replace(fold=fold).timestamp()) for fold in (0, 1))

    def is_there(at_s: int) -> bool:
        local = datetime.fromtimestamp(at_s, zone)
        return (local.year, local.month) >= (year, month)

    if is_there(early_s):  # as it is but where the clocks jump over midnight; of two midnights it is the first
        return early_s
    return early_s + bisect_left(range(early_s, late_s), True, key=is_there)
