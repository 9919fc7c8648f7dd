"""The Costs port on Redis: a trunk's legs and sums of a day under `{t:<trunk>}`, what a payer or a team has spent that
day under `{p:<payer>}` and `{m:<team>}`, and the names of a month's trunks under one key."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from ari_app.adapters.redis import costs_codec as codec
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.costing import day_of, sums_of
from ari_app.domain.ledger_types import check_ids
from ari_app.ports.costs import KEPT_DAYS, LegCost, Payer

DAY_S = 86_400
PAGE = 500
TAGS = {"trunk": "t", "user": "p", "team": "m"}
MICRO = "micro:"

Place = tuple[str, str]
"""The keys of legs and of sums."""


class RedisCosts:
    """`timezone`: the operator's, by which days are counted. `kept_days`: after that a day is forgotten."""

    def __init__(self, link: Link, timezone: str, kept_days: int = KEPT_DAYS) -> None:
        self._link = link
        self._timezone = timezone
        self._kept_s = (kept_days + 1) * DAY_S  # a day, not 24 hours: its last leg is noted after it began

    async def note(self, legs: Sequence[LegCost]) -> None:
        if not legs:
            return
        asked: dict[Place, list[Arg]] = defaultdict(list)
        months = set[tuple[str, str]]()
        for leg in legs:
            check_ids(leg=leg.leg, trunk=leg.trunk)
            day = day_of(leg.at_ms, self._timezone)
            months.add((day[:7], leg.trunk))
            asked[_place("trunk", leg.trunk, day)] += _told(leg.leg, codec.line(leg), sums_of(leg))
            spent = {f"{MICRO}{leg.currency}": leg.cost_micro} if leg.cost_micro else {}
            for kind, name in (("user", leg.payer), ("team", leg.team)):
                if spent and name:
                    asked[_place(kind, name, day)] += _told(leg.leg, b"", spent)
        await self._name(months)
        write = f"cost {legs[0].leg} "
        await asyncio.gather(*(
            self._link.script("note", *place, self._kept_s, *told, write=write + place[0])
            for place, told in asked.items()
        ))  # fmt: skip
        await self._link.disk.wait(write)

    async def _name(self, months: set[tuple[str, str]]) -> None:
        """First of all: legs that nobody finds would be owed and not seen."""
        commands: list[tuple[Arg, ...]] = []
        for month, trunk in sorted(months):
            commands += [("SADD", _names(month), trunk), ("EXPIRE", _names(month), self._kept_s + 31 * DAY_S)]
        await self._link.commands(commands, in_order=False)

    async def legs(self, trunk: str, day: str) -> AsyncIterator[LegCost]:
        place, cursor, seen = _place("trunk", trunk, day)[0], b"0", set[bytes]()
        while True:
            cursor, found = await self._link.command("HSCAN", place, cursor, "COUNT", PAGE)
            for leg, line in zip(found[::2], found[1::2], strict=True):
                if leg not in seen:  # a leg may be named twice while others come
                    seen.add(leg)
                    yield codec.leg_of(leg, trunk, line)
            if cursor == b"0":
                return

    async def sums(self, trunk: str, day: str) -> dict[str, int]:
        return await self._read(_place("trunk", trunk, day))

    async def spent(self, kind: Payer, name: str, day: str) -> dict[str, int]:
        sums = await self._read(_place(kind, name, day))
        return {sum_.removeprefix(MICRO): micro for sum_, micro in sums.items() if sum_.startswith(MICRO)}

    async def trunks(self, month: str) -> list[str]:
        return sorted(name.decode() for name in await self._link.command("SMEMBERS", _names(month)))

    async def _read(self, place: Place) -> dict[str, int]:
        found = await self._link.command("HGETALL", place[1])
        return {name.decode(): int(number) for name, number in zip(found[::2], found[1::2], strict=True)}


def _place(kind: str, name: str, day: str) -> Place:
    check_ids(**{kind: name}, day=day)
    of = f"{{{TAGS[kind]}:{name}}}"
    return f"{of}:cost:{day}", f"{of}:costs:{day}"


def _names(month: str) -> str:
    check_ids(month=month)
    return f"costs:{month}"


def _told(leg: str, line: bytes, sums: dict[str, int]) -> list[Arg]:
    """As the script reads it."""
    return [leg, line, len(sums), *(word for one in sums.items() for word in one)]
