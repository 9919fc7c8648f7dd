"""Kinds of faults: each is a class here, and is found by being here. Drawn from the plan's random numbers; struck,
lasts, and is over when what it broke can work again.

`targets` tells the auditor what was away: app, pbx, redis, link (to the PBX), store (the link to Redis), clock, a
carrier by its name, or `<carrier> refuses`; `trunks`: nothing was, but other trunks were put in force.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from tests.chaos.apps import App
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class Limits:
    stop_s_max: float = 6
    """The longest for which a process is stopped."""
    stall_s_max: float = 14
    """The longest for which the link to the PBX is stalled; from 10 s on that is found out."""
    events_s_max: float = 6
    """The longest for which events come late or twice."""


@dataclass(frozen=True)
class Fault(ABC):
    lasts_s: float

    @property
    @abstractmethod
    def targets(self) -> frozenset[str]: ...

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0.2, 3), 1))

    @abstractmethod
    def strike(self, house: ChaosHouse) -> None: ...

    @abstractmethod
    def end(self, house: ChaosHouse) -> None:
        """Harmless also where another fault has changed the same thing meanwhile."""


@dataclass(frozen=True)
class OfAnApp(Fault):
    """Of one process of those that there are."""

    which: int = 0

    def app(self, house: ChaosHouse) -> App:
        return house.apps[self.which % len(house.apps)]

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0, 3), 1), rng.randrange(100))
