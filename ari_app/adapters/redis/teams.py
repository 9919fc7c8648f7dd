"""Teams and shares in Redis: a team under `{t:<id>}`, what was granted through a number under `{n:<number>}`.

A team's size is the length of a hash, so that neither its certification nor a member's touch reads its members.
"""

import re
from collections.abc import Sequence

import msgspec

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import CallerError
from ari_app.ports.teams import MEMBERS_MAX, Seat, SeatPage, TeamInfo

CURSOR = re.compile("[0-9]{1,19}")  # as HSCAN gives out and takes back; it refuses what is beyond 64 bits


class _Stored(msgspec.Struct):
    name: str
    certified: bool


_decode = msgspec.json.Decoder(_Stored).decode


class RedisTeams:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, team_id: str, *, name: str, is_certified: bool) -> TeamInfo:
        await self._link.command("SET", _keys(team_id)[0], msgspec.json.encode(_Stored(name, is_certified)))
        found = await self.get(team_id)
        return found or TeamInfo(team_id, name, is_certified)

    async def get(self, team_id: str) -> TeamInfo | None:
        seats = await self.look([team_id], "")
        return seats[0].team if seats else None

    async def seat(self, team_id: str, user_id: str, rev: int) -> bool:
        return bool(await self._link.script("seat", *_keys(team_id)[:2], user_id, rev, MEMBERS_MAX) == 1)

    async def reseat(self, team_id: str, user_id: str, number: str, rev: int) -> bool:
        return bool(await self._link.script("reseat", *_keys(team_id)[1:], user_id, rev, number) == 1)

    async def unseat(self, team_id: str, user_id: str, upto_rev: int | None = None) -> bool:
        upto = "" if upto_rev is None else upto_rev
        return bool(await self._link.script("unseat", *_keys(team_id)[1:], user_id, upto) == 1)

    async def look(self, team_ids: Sequence[str], user_id: str) -> list[Seat]:
        commands: list[tuple[Arg, ...]] = []
        for team_id in team_ids:
            record, members, numbers = _keys(team_id)
            commands += [("GET", record), ("HLEN", members), ("HLEN", numbers), ("HGET", members, user_id)]
        replies = iter(await self._link.commands(commands))
        seats = []
        for team_id, raw, members_n, size, mine in zip(team_ids, replies, replies, replies, replies, strict=False):
            if raw is not None:
                stored = _decode(raw)
                info = TeamInfo(team_id, stored.name, stored.certified, members_n, size)
                seats.append(Seat(info) if mine is None else Seat(info, _number(mine), int(mine.partition(b"|")[0])))
        return seats

    async def seats(self, team_id: str, *, cursor: str | None = None, limit: int = 100) -> SeatPage:
        if cursor is not None and not CURSOR.fullmatch(cursor):
            raise CallerError(f"cursor: not one that was given out: {cursor!r}")
        at, raw = await self._link.command("HSCAN", _keys(team_id)[1], cursor or "0", "COUNT", limit)
        seats = tuple((user.decode(), _number(text)) for user, text in zip(raw[::2], raw[1::2], strict=True))
        return SeatPage(seats, None if at == b"0" else at.decode())


class RedisShares:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def claim(self, number: str, *, month: str, user_id: str, allowance_s: int, until_ms: int) -> int:
        key = f"{{n:{number}}}:{month}"
        return int(await self._link.script("claim", key, user_id, allowance_s, until_ms))


def _keys(team_id: str) -> tuple[str, str, str]:
    """Record, seats by user, users by the number that counts."""
    return f"{{t:{team_id}}}:team", f"{{t:{team_id}}}:seats", f"{{t:{team_id}}}:numbers"


def _number(text: bytes) -> str:
    return text.decode().partition("|")[2]
