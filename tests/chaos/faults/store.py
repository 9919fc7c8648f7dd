"""What may befall Redis: its process, its disk, the way to it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.faults import Fault, Limits

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class RedisKilled(Fault):
    targets = frozenset({"redis"})

    def strike(self, house: ChaosHouse) -> None:
        house.kill_server("redis")

    def end(self, house: ChaosHouse) -> None:
        house.mend_servers()


@dataclass(frozen=True)
class RedisDiskFull(Fault):
    """Its log cannot grow: it answers, and takes no write from the moment at which it finds out."""

    targets = frozenset({"redis"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(1, 5), 1))

    def strike(self, house: ChaosHouse) -> None:
        house.fill_disk()

    def end(self, house: ChaosHouse) -> None:
        house.free_disk()


@dataclass(frozen=True)
class RedisLinkCut(Fault):
    """Every connection to it is reset, and none is taken for a while."""

    targets = frozenset({"store"})

    def strike(self, house: ChaosHouse) -> None:
        house.refuse(house.redis)

    def end(self, house: ChaosHouse) -> None:
        house.accept(house.redis)


@dataclass(frozen=True)
class RedisLinkStalled(Fault):
    """Bytes stop, one way or both, and nobody is told."""

    ways: str
    targets = frozenset({"store"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0.5, 5), 1), rng.choice(("up", "down", "both")))

    def strike(self, house: ChaosHouse) -> None:
        house.do(lambda: house.redis.stall(up=self.ways != "down", down=self.ways != "up"))

    def end(self, house: ChaosHouse) -> None:
        house.do(house.redis.resume)
