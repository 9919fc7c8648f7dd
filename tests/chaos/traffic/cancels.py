"""Calls that are cancelled over the API, at every step of their life, or asked to press 1 and left alone."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Self

from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic

STEPS = {"queued": (10, 10), "ringing_caller": (21, 10), "caller_answered": (10, 10), "ringing_callee": (10, 21),
         "talking": (10, 10)}  # fmt: skip
"""At which step, and with which phones it lasts long enough to be met."""


@dataclass(frozen=True)
class Cancelled(Traffic):
    step: str
    late_ms: int

    @classmethod
    def weight(cls) -> int:
        return 5

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.choice(list(STEPS)), rng.choice((0, 0, 50, 400)))

    def run(self, desk: Desk) -> None:
        caller, callee = STEPS[self.step]
        is_asked = self.step == "caller_answered"  # to press 1, which this phone does not
        call = desk.call(
            self, desk.user(caller), callee, max_duration_s=20, **({"confirm_caller": True} if is_asked else {})
        )
        desk.until_state(call, self.step)
        desk.pause(self.late_ms)
        desk.hang_up(call)
        desk.until_ended(call)


@dataclass(frozen=True)
class Confirmed(Traffic):
    """The caller presses 1, or never does."""

    caller: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.choice((28, 28, 29)))

    def run(self, desk: Desk) -> None:
        call = desk.call(self, desk.user(self.caller), 10, max_duration_s=20, confirm_caller=True)
        desk.talks(call, 2_000)
        desk.hang_up(call)
        desk.until_ended(call)
