"""Processes that die, are replaced, or stand still."""

from __future__ import annotations

import random
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.faults import Fault, Limits, OfAnApp

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class AppKilled(OfAnApp):
    """SIGKILL, and a new process a while later."""

    targets = frozenset({"app"})

    def strike(self, house: ChaosHouse) -> None:
        self.app(house).down(signal.SIGKILL)

    def end(self, house: ChaosHouse) -> None:
        self.app(house).up()


@dataclass(frozen=True)
class AppDeployed(OfAnApp):
    """SIGTERM, and the next version starts when this one has left."""

    targets = frozenset({"app"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(0, rng.randrange(100))

    def strike(self, house: ChaosHouse) -> None:
        self.app(house).down(signal.SIGTERM)

    def end(self, house: ChaosHouse) -> None:
        self.app(house).up()


@dataclass(frozen=True)
class AppStopped(OfAnApp):
    """SIGSTOP, as a machine that swaps or is moved; then it goes on as if nothing had been."""

    targets = frozenset({"app"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        most_s = limits.stop_s_max if rng.random() < 0.3 else min(8, limits.stop_s_max)
        return cls(round(rng.uniform(1, most_s), 1), rng.randrange(100))

    def strike(self, house: ChaosHouse) -> None:
        self.app(house).signal(signal.SIGSTOP)

    def end(self, house: ChaosHouse) -> None:
        self.app(house).signal(signal.SIGCONT)


@dataclass(frozen=True)
class PbxKilled(Fault):
    targets = frozenset({"pbx"})

    def strike(self, house: ChaosHouse) -> None:
        house.kill_server("pbx")

    def end(self, house: ChaosHouse) -> None:
        house.mend_servers()


@dataclass(frozen=True)
class CarrierGone(Fault):
    targets = frozenset({"carrier"})

    def strike(self, house: ChaosHouse) -> None:
        house.kill_server("carrier")

    def end(self, house: ChaosHouse) -> None:
        house.mend_servers()
