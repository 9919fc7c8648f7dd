"""What may befall the way to the PBX, and the events that come on it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.faults import Fault, Limits

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class LinkReset(Fault):
    """Gone, and to be had again at once."""

    targets = frozenset({"link"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(0)

    def strike(self, house: ChaosHouse) -> None:
        house.do(house.ari.cut)

    def end(self, house: ChaosHouse) -> None:
        pass


@dataclass(frozen=True)
class LinkAway(Fault):
    """Gone, and not to be had for a while."""

    targets = frozenset({"link"})

    def strike(self, house: ChaosHouse) -> None:
        house.refuse(house.ari)

    def end(self, house: ChaosHouse) -> None:
        house.accept(house.ari)


@dataclass(frozen=True)
class LinkStalled(Fault):
    """Bytes stop one way, and nobody is told. A long stall is found out by a ping, a short one never."""

    up: bool
    targets = frozenset({"link"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        most_s = limits.stall_s_max if rng.random() < 0.3 else min(4, limits.stall_s_max)
        return cls(round(rng.uniform(0.5, most_s), 1), rng.random() < 0.5)

    def strike(self, house: ChaosHouse) -> None:
        house.do(lambda: house.ari.stall(up=self.up, down=not self.up))

    def end(self, house: ChaosHouse) -> None:
        house.do(house.ari.resume)


@dataclass(frozen=True)
class LinkSlow(Fault):
    """Every packet takes its time, both ways."""

    delay_ms: int
    targets = frozenset({"link"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(1, 5), 1), rng.choice((20, 60, 150, 300)))

    def strike(self, house: ChaosHouse) -> None:
        house.do(lambda: house.ari.slow(delay_ms=self.delay_ms))

    def end(self, house: ChaosHouse) -> None:
        house.do(house.ari.resume)


@dataclass(frozen=True)
class EventsLate(Fault):
    """Events come late, those of one channel in order; replies and other channels' events overtake them."""

    late_ms: int
    targets = frozenset({"link"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(2, limits.events_s_max), 1), rng.choice((100, 500, 1500)))

    def strike(self, house: ChaosHouse) -> None:
        house.do(lambda: setattr(house.events, "late_ms", self.late_ms))

    def end(self, house: ChaosHouse) -> None:
        house.do(house.events.behave)


@dataclass(frozen=True)
class EventsTwice(Fault):
    """Each event comes a second time, when newer ones may have come."""

    again_ms: int
    targets = frozenset({"link"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(2, limits.events_s_max), 1), rng.choice((10, 200, 2000)))

    def strike(self, house: ChaosHouse) -> None:
        house.do(lambda: setattr(house.events, "again_ms", self.again_ms))

    def end(self, house: ChaosHouse) -> None:
        house.do(house.events.behave)
