"""Who sits in which team, kept true while users come, go, prove numbers and hand them on. Knows two stores, no minutes.

A user's record and a team's seats change one after the other. The order is such that whatever dies in between leaves a
team too small, never too large: a seat loses its number before the user does (and the user's record is changed only if
nobody gave it back meanwhile), and gets one after him. A seat that was left behind is put right when its user is next
looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.domain.errors import Unavailable
from ari_app.domain.plans import Team
from ari_app.ports.teams import TEAMS_MAX, Seat, Teams
from ari_app.ports.users import How, NumberTaken, Put, Stale, User, Users

TURNS_MAX = 20  # losing so often in a row to others who change the same user is a fault


@dataclass(frozen=True, slots=True)
class NotSeated:
    """Nothing was changed. `why`: unknown-user, unknown-team, too-many-teams, team-full."""

    why: str


class Membership:
    def __init__(self, users: Users, teams: Teams) -> None:
        self._users = users
        self._teams = teams

    async def put_user(self, user: User) -> Put | NumberTaken:
        for _ in range(TURNS_MAX):
            before = await self._users.get(user.id) or User(user.id)
            is_lowered = counting(before) not in ("", *(one.number for one in user.numbers)) and bool(before.teams)
            if is_lowered:  # a revision ahead, so that nobody who looks at the record of now gives it back
                await self._reseat(before, "", before.rev + 1)
            done = await self._users.put(user, expect_rev=before.rev)
            if isinstance(done, Stale):
                continue
            if not isinstance(done, NumberTaken) or is_lowered:
                await self.true_seats(user.id)
            return done
        raise Unavailable(f"user {user.id} is changed by too many at once")

    async def verify(self, user_id: str, number: str, how: How, at_ms: int) -> User | None:
        user = await self._users.verify(user_id, number, how, at_ms)
        if user is not None:
            await self.true_seats(user_id)
        return user

    async def join(self, team_id: str, user_id: str) -> User | NotSeated:
        if await self._teams.get(team_id) is None:
            return NotSeated("unknown-team")
        user = await self._users.get(user_id)
        if user is None:
            return NotSeated("unknown-user")
        if team_id not in user.teams:
            if len(user.teams) >= TEAMS_MAX:
                user = await self._without_left(user)
            if len(user.teams) >= TEAMS_MAX:
                return NotSeated("too-many-teams")
            user = await self._users.join(user_id, team_id)
            if user is None:
                return NotSeated("unknown-user")
        if not await self._teams.seat(team_id, user_id, user.rev):
            await self._users.leave(user_id, team_id)
            return NotSeated("team-full")
        now = await self.true_seats(user_id) or user
        if team_id not in now.teams:  # he left at the same time: no seat without a record
            await self._teams.unseat(team_id, user_id, now.rev)
        return now

    async def leave(self, team_id: str, user_id: str) -> bool:
        """False: he was no member. From the moment that the seat is gone he is none; his record follows."""
        before = await self._users.get(user_id)
        had = await self._teams.unseat(team_id, user_id) or (before is not None and team_id in before.teams)
        after = await self._users.leave(user_id, team_id)
        if after is not None and await self._teams.unseat(team_id, user_id, after.rev):  # somebody seated him meanwhile
            had = True
        return had

    async def teams_of(self, user: User) -> list[Team]:
        """The teams that count for him, as they are now."""
        seats = await self._seats(user)
        return [Team(seat.team.size, seat.team.is_certified, seat.team.id) for seat in seats if seat.number is not None]

    async def true_seats(self, user_id: str) -> User | None:
        """Let every seat of the user say what his record says. The record as it was in the end."""
        user = await self._users.get(user_id)
        for _ in range(TURNS_MAX):
            if user is None or not user.teams:
                return user
            is_newest = await self._reseat(user, counting(user), user.rev)
            again = await self._users.get(user_id)
            if again is not None and (again.rev, is_newest) == (user.rev, False):
                # Lowered for a change of the record that never came, or that comes now and will find this one instead.
                again = await self._users.join(user_id, user.teams[0])
            elif again is None or again.rev == user.rev:
                return again
            user = again
        raise Unavailable(f"user {user_id} is changed by too many at once")

    async def _seats(self, user: User) -> Sequence[Seat]:
        if not user.teams:
            return ()
        seats = await self._teams.look(user.teams, user.id)
        if any(seat.number is not None and seat.number != counting(user) for seat in seats):
            await self.true_seats(user.id)
            seats = await self._teams.look(user.teams, user.id)
        return seats

    async def _reseat(self, user: User, number: str, rev: int) -> bool:
        """False: a seat knows of a newer revision, and stays."""
        done = [await self._teams.reseat(team_id, user.id, number, rev) for team_id in user.teams]
        return all(done)

    async def _without_left(self, user: User) -> User:
        """Teams that his record still names, and in which he has no seat (any more), are taken out of it."""
        seated = {seat.team.id for seat in await self._teams.look(user.teams, user.id) if seat.number is not None}
        for team_id in user.teams:
            if team_id not in seated:
                user = await self._users.leave(user.id, team_id) or user
        return user


def counting(user: User) -> str:
    """The number with which he counts in a team: his first proved one; "": none is proved."""
    return next((one.number for one in user.numbers if one.is_verified), "")
