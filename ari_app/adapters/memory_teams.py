"""Teams and shares in this process's memory: the twin of adapters/redis/teams.py, for tests and laws."""

from collections.abc import Sequence
from dataclasses import replace

from ari_app.domain.errors import CallerError
from ari_app.ports.teams import MEMBERS_MAX, Seat, SeatPage, TeamInfo


class MemoryTeams:
    def __init__(self) -> None:
        self._teams: dict[str, TeamInfo] = {}
        self._seats: dict[str, dict[str, tuple[int, str]]] = {}
        self._numbers: dict[str, dict[str, str]] = {}

    async def put(self, team_id: str, *, name: str, is_certified: bool) -> TeamInfo:
        self._teams[team_id] = TeamInfo(team_id, name, is_certified)
        self._seats.setdefault(team_id, {})
        self._numbers.setdefault(team_id, {})
        return self._info(team_id)

    async def get(self, team_id: str) -> TeamInfo | None:
        return self._info(team_id) if team_id in self._teams else None

    async def seat(self, team_id: str, user_id: str, rev: int) -> bool:
        seats = self._seats.get(team_id)
        if seats is None or (user_id not in seats and len(seats) >= MEMBERS_MAX):
            return False
        rev_then, number = seats.get(user_id, (rev, ""))
        seats[user_id] = (max(rev, rev_then), number)
        return True

    async def reseat(self, team_id: str, user_id: str, number: str, rev: int) -> bool:
        seats = self._seats.get(team_id, {})
        if user_id not in seats:
            return True
        rev_then, number_then = seats[user_id]
        if rev < rev_then:
            return False
        numbers = self._numbers[team_id]
        if number_then != number and numbers.get(number_then) == user_id:
            del numbers[number_then]
        if number:
            numbers[number] = user_id
        seats[user_id] = (rev, number)
        return True

    async def unseat(self, team_id: str, user_id: str, upto_rev: int | None = None) -> bool:
        seats, numbers = self._seats.get(team_id, {}), self._numbers.get(team_id, {})
        rev, number = seats.get(user_id, (0, ""))
        if user_id not in seats or (upto_rev is not None and rev > upto_rev):
            return False
        del seats[user_id]
        if numbers.get(number) == user_id:
            del numbers[number]
        return True

    async def look(self, team_ids: Sequence[str], user_id: str) -> list[Seat]:
        found = []
        for team_id in team_ids:
            if team_id in self._teams:
                rev, number = self._seats[team_id].get(user_id, (-1, None))
                found.append(Seat(self._info(team_id), number, rev))
        return found

    async def seats(self, team_id: str, *, cursor: str | None = None, limit: int = 100) -> SeatPage:
        if cursor is not None and not (cursor.isdecimal() and len(cursor) < 20):
            raise CallerError(f"cursor: not one that was given out: {cursor!r}")
        start = int(cursor or 0)
        seats = [(user, number) for user, (_, number) in self._seats.get(team_id, {}).items()]
        more = start + limit < len(seats)
        return SeatPage(tuple(seats[start : start + limit]), str(start + limit) if more else None)

    def _info(self, team_id: str) -> TeamInfo:
        members, size = len(self._seats[team_id]), len(self._numbers[team_id])
        return replace(self._teams[team_id], members=members, size=size)


class MemoryShares:
    def __init__(self) -> None:
        self._granted_s: dict[tuple[str, str], dict[str, int]] = {}

    async def claim(self, number: str, *, month: str, user_id: str, allowance_s: int, until_ms: int) -> int:
        shares = self._granted_s.setdefault((number, month), {})
        others_s = sum(seconds for user, seconds in shares.items() if user != user_id)
        if allowance_s - others_s > shares.get(user_id, 0):
            shares[user_id] = allowance_s - others_s
        return others_s
