"""What may befall whoever is told of calls over a webhook. No call may notice."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.faults import Fault, Limits

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse

MODES = ("500", "429", "reset", "hang", "redirect-inner", "slow")


@dataclass(frozen=True)
class ReceiverFails(Fault):
    """It is there, and takes nothing: answers wrongly, breaks off, or says nothing at all."""

    mode: str
    targets = frozenset({"receiver"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0.5, 6), 1), rng.choice(MODES))

    def strike(self, house: ChaosHouse) -> None:
        house.listeners.ailing.mode = self.mode

    def end(self, house: ChaosHouse) -> None:
        house.listeners.ailing.mode = "ok"


@dataclass(frozen=True)
class ReceiverGone(Fault):
    """Nobody listens at its port."""

    targets = frozenset({"receiver"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0.5, 6), 1))

    def strike(self, house: ChaosHouse) -> None:
        house.listeners.ailing.stop()

    def end(self, house: ChaosHouse) -> None:
        house.listeners.ailing.start()
