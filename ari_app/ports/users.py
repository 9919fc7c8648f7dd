"""Users and the numbers that are theirs. A number belongs to one user; two who want it get one Put and one NumberTaken.

Shapes and the contract only; what may be done with a number is policy elsewhere.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

USER_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
NUMBERS_MAX = 20  # numbers one user may have

How = Literal["admin", "code"]
"""How a number was proved to be the user's: the operator's word, or a code read out to it."""


@dataclass(frozen=True, slots=True)
class OwnedNumber:
    number: str  # E.164
    how: How | None = None
    verified_at_ms: int | None = None

    @property
    def is_verified(self) -> bool:
        return self.how is not None


@dataclass(frozen=True, slots=True)
class User:
    id: str
    numbers: tuple[OwnedNumber, ...] = ()  # the first is the one that is rung
    name: str = ""
    locale: str = ""
    teams: tuple[str, ...] = ()  # in which he has a seat, if they say so too: see ports/teams.py
    rev: int = field(default=0, compare=False)  # grows with every change of the record

    def owned(self, number: str) -> OwnedNumber | None:
        return next((one for one in self.numbers if one.number == number), None)


@dataclass(frozen=True, slots=True)
class Put:
    user: User


@dataclass(frozen=True, slots=True)
class NumberTaken:
    """Somebody else's. Nothing was changed."""

    number: str


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody changed the record since. Nothing was changed, or what was is undone."""


class Users(Protocol):
    """Every method may raise the store's own error for an I/O fault; asking again is harmless."""

    async def put(self, user: User, *, expect_rev: int | None = None) -> Put | NumberTaken | Stale:
        """Make the user be as given; his teams stay as they are. A number that he had already keeps its proof where
        the given one has none. `expect_rev`: only if his record is at this revision (0: there is none), else Stale."""

    async def verify(self, user_id: str, number: str, how: How, at_ms: int) -> User | None:
        """Write down that a number was proved. None: it is not (or no longer) this user's."""

    async def join(self, user_id: str, team_id: str) -> User | None:
        """Write down that he is in a team. None: there is no such user."""

    async def leave(self, user_id: str, team_id: str) -> User | None: ...

    async def get(self, user_id: str) -> User | None: ...

    async def by_number(self, number: str) -> User | None: ...


def keeping_proofs(old: User | None, new: User) -> User:
    """`new`, each number once, with the proofs that `old` has and `new` does not mention, and with its teams."""
    kept: dict[str, OwnedNumber] = {}
    for one in new.numbers:
        before = old.owned(one.number) if old else None
        kept.setdefault(one.number, one if one.is_verified else before or one)
    return replace(new, numbers=tuple(kept.values()), teams=old.teams if old else ())


def joined(user: User, team_id: str) -> User:
    return user if team_id in user.teams else replace(user, teams=(*user.teams, team_id))


def left(user: User, team_id: str) -> User:
    return replace(user, teams=tuple(one for one in user.teams if one != team_id))


def proved(user: User, number: str, how: How, at_ms: int) -> User:
    """The user with that number proved; an older proof stays as it was."""
    fresh = OwnedNumber(number, how, at_ms)
    return replace(
        user,
        numbers=tuple(fresh if one.number == number and not one.is_verified else one for one in user.numbers),
    )
