"""Calls on the last minutes of a month: some are topped up in mid-call, some end with them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic


@dataclass(frozen=True)
class ToppedUp(Traffic):
    has_s: int
    gets_s: int
    after_ms: int
    talk_ms: int

    @classmethod
    def weight(cls) -> int:
        return 2

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        has_s = rng.randint(5, 9)
        return cls(has_s, rng.randint(5, 15), rng.randint(0, 3_000), 1000 * has_s + rng.randint(1_000, 4_000))

    def run(self, desk: Desk) -> None:
        call = desk.call(self, desk.user(10, minutes_s=self.has_s), 11, max_duration_s=25)
        desk.talks(call, self.after_ms)
        desk.top_up(call, self.gets_s)
        desk.talks(call, self.talk_ms)
        desk.hang_up(call)
        desk.until_ended(call)


@dataclass(frozen=True)
class OnTheLastMinutes(Traffic):
    has_s: int

    @classmethod
    def weight(cls) -> int:
        return 2

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.randint(3, 7))

    def run(self, desk: Desk) -> None:
        desk.until_ended(desk.call(self, desk.user(10, minutes_s=self.has_s), 10, max_duration_s=25))
