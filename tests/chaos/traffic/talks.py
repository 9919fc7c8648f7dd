"""Both answer and talk; a developer hangs up, or a phone does, or vanishes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic

ANSWERS = (10, 11, 12, 13)


@dataclass(frozen=True)
class Talk(Traffic):
    """Hung up over the API after a time."""

    caller: int
    callee: int
    talk_ms: int
    asks_twice: bool

    @classmethod
    def weight(cls) -> int:
        return 6

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        caller, callee = rng.choice((*ANSWERS, 21)), rng.choice((*ANSWERS, 21, 27 if rng.random() < 0.1 else 10))
        return cls(caller, callee, rng.randint(500, 9_000), rng.random() < 0.2)

    def run(self, desk: Desk) -> None:
        call = desk.call(self, desk.user(self.caller), self.callee, max_duration_s=25)
        if call.is_taken and self.asks_twice:
            desk.ask_again(call)
        desk.talks(call, self.talk_ms)
        desk.hang_up(call)
        desk.until_ended(call)


@dataclass(frozen=True)
class PhoneHangsUp(Traffic):
    """After 5 s: the callee in the talk, or the caller, talking or while the callee's phone still rings."""

    caller: int
    callee: int

    @classmethod
    def weight(cls) -> int:
        return 3

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(*rng.choice(((10, 26), (11, 26), (26, 10), (26, 23), (32, 10), (10, 32))))

    def run(self, desk: Desk) -> None:
        desk.until_ended(desk.call(self, desk.user(self.caller), self.callee, max_duration_s=20))


@dataclass(frozen=True)
class Vanishes(Traffic):
    """A phone answers and is gone, without a sound or a word."""

    caller: int
    callee: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(*rng.choice(((10, 34), (34, 10))))

    def run(self, desk: Desk) -> None:
        desk.until_ended(desk.call(self, desk.user(self.caller), self.callee, max_duration_s=20))


@dataclass(frozen=True)
class Unattended(Traffic):
    """Nobody hangs up: the longest talk that was asked for ends it."""

    longest_s: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.randint(2, 6))

    def run(self, desk: Desk) -> None:
        desk.until_ended(desk.call(self, desk.user(10), 10, max_duration_s=self.longest_s))
