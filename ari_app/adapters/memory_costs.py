"""The Costs port in this process's memory: the twin of adapters/redis/costs.py, for tests. Keeps everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence

from ari_app.domain.costing import day_of, sums_of
from ari_app.ports.costs import LegCost, Payer

MICRO = "micro:"


class MemoryCosts:
    def __init__(self, timezone: str = "Asia/Shanghai") -> None:
        self._timezone = timezone
        self._legs: dict[tuple[str, str], dict[str, LegCost]] = {}  # (trunk, day) → leg → its cost

    async def note(self, legs: Sequence[LegCost]) -> None:
        for leg in legs:
            self._legs.setdefault((leg.trunk, day_of(leg.at_ms, self._timezone)), {}).setdefault(leg.leg, leg)

    async def legs(self, trunk: str, day: str) -> AsyncIterator[LegCost]:
        for leg in list(self._legs.get((trunk, day), {}).values()):
            yield leg

    async def sums(self, trunk: str, day: str) -> dict[str, int]:
        return _added(list(self._legs.get((trunk, day), {}).values()))

    async def spent(self, kind: Payer, name: str, day: str) -> dict[str, int]:
        of = {"trunk": "trunk", "user": "payer", "team": "team"}[kind]
        sums = _added([leg for leg in self._of(day) if getattr(leg, of) == name])
        return {sum_.removeprefix(MICRO): micro for sum_, micro in sums.items() if sum_.startswith(MICRO)}

    async def trunks(self, month: str) -> list[str]:
        return sorted({trunk for trunk, day in self._legs if day[:7] == month})

    def keep(self, legs: Sequence[LegCost]) -> None:
        """For tests: nothing else was noted, as after a crash of the store's machine."""
        self._legs = {place: {n: leg for n, leg in its.items() if leg in legs} for place, its in self._legs.items()}

    def all(self) -> list[LegCost]:
        """For tests: whatever was noted."""
        return [leg for legs in self._legs.values() for leg in legs.values()]

    def _of(self, day: str) -> list[LegCost]:
        return [leg for (_, its), legs in self._legs.items() if its == day for leg in legs.values()]


def _added(legs: Sequence[LegCost]) -> dict[str, int]:
    sums = Counter[str]()
    for leg in legs:
        sums.update(sums_of(leg))
    return dict(sums)
