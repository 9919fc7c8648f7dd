"""A phone that is not reached, as caller or as callee."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic

BUSY, RINGS_FOR_EVER, REJECTS, NOT_IN_SERVICE, UNAVAILABLE, TRUNK_FAILS, SILENT = 22, 23, 24, 25, 27, 30, 33
OFTEN = (BUSY, REJECTS, NOT_IN_SERVICE, UNAVAILABLE, TRUNK_FAILS) * 2 + (RINGS_FOR_EVER, SILENT)


@dataclass(frozen=True)
class Unreached(Traffic):
    caller: int
    callee: int

    @classmethod
    def weight(cls) -> int:
        return 3

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        phone = rng.choice(OFTEN)
        return cls(10, phone) if rng.random() < 0.6 else cls(phone, 10)

    def run(self, desk: Desk) -> None:
        desk.until_ended(desk.call(self, desk.user(self.caller), self.callee, max_duration_s=20))
