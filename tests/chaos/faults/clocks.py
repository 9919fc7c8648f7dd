"""The wall clock of an app's machine is set, forwards or backwards, and put right later. The PBX's is not."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.faults import Limits, OfAnApp

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class ClockStepped(OfAnApp):
    ahead_ms: int = 0
    targets = frozenset({"clock"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        by_ms = rng.choice((700, 5_000, 60_000, 3_600_000)) * rng.choice((-1, 1))
        return cls(round(rng.uniform(1, 5), 1), rng.randrange(100), by_ms)

    def strike(self, house: ChaosHouse) -> None:
        self.app(house).clock.step(self.ahead_ms)

    def end(self, house: ChaosHouse) -> None:
        self.app(house).clock.step(0)
