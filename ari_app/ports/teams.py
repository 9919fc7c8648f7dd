"""Teams and who sits in them, and which user was granted free minutes through which phone number.

A member is who is seated in the team *and* whose own record names it (ports/users.py): the two lie in different places
of the store, and whatever dies in between, nobody is a member by half. Only seats with a number count towards the size
of a team, each number once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

TEAM_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
TEAMS_MAX = 20  # teams of one user
MEMBERS_MAX = 100_000  # seats of one team


@dataclass(frozen=True, slots=True)
class TeamInfo:
    id: str
    name: str = ""
    is_certified: bool = False
    members: int = 0  # seats
    size: int = 0  # proved numbers among them, each once: what the plan goes by


@dataclass(frozen=True, slots=True)
class Seat:
    """A team as one user sees it. `number`: with which he counts; "": he does not; None: he has no seat."""

    team: TeamInfo
    number: str | None = None
    rev: int = -1  # of his record, when it was seated so


@dataclass(frozen=True, slots=True)
class SeatPage:
    """(user, number or "") in the order of the store. `next_cursor` goes into the next question; None: no more."""

    seats: tuple[tuple[str, str], ...]
    next_cursor: str | None


class Teams(Protocol):
    """Every method may raise Unavailable; asking again is harmless."""

    async def put(self, team_id: str, *, name: str, is_certified: bool) -> TeamInfo:
        """Make the team, or make it be as given. One write, whatever its size: members notice when next touched."""

    async def get(self, team_id: str) -> TeamInfo | None: ...

    async def seat(self, team_id: str, user_id: str, rev: int) -> bool:
        """Give the user, whose record is at revision `rev`, a seat that does not count yet; one that he has stays as it
        is. False: there is no such team, or it is full."""

    async def reseat(self, team_id: str, user_id: str, number: str, rev: int) -> bool:
        """Let his seat count with that number (""), as his record says at its revision `rev`; nothing for who has no
        seat (any more). False: the seat is of a newer revision, and stays."""

    async def unseat(self, team_id: str, user_id: str, upto_rev: int | None = None) -> bool:
        """False: he had no seat, or one of a newer revision than that."""

    async def look(self, team_ids: Sequence[str], user_id: str) -> list[Seat]:
        """Those of the teams that there are, in that order."""

    async def seats(self, team_id: str, *, cursor: str | None = None, limit: int = 100) -> SeatPage:
        """All who are seated. A seat that is there all the while is given at least once, as with Redis' HSCAN; the
        page may be longer or shorter than the limit. Raises CallerError for a cursor that was not given out."""


class Shares(Protocol):
    async def claim(self, number: str, *, month: str, user_id: str, allowance_s: int, until_ms: int) -> int:
        """How much of the month was granted to others through this number, and from now on whatever is missing from
        that to the allowance counts as granted to this user (allowance 0: nothing does). Kept until `until_ms`. May
        raise Unavailable."""
