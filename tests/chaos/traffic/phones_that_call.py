"""Phones that call the platform: users who key a number and are connected or called back, who ring and give up, who
find it busy; and a stranger."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Self

from tests.chaos.desk import Desk
from tests.chaos.phones import BUSY, MISSED, PLATFORM, Phone
from tests.chaos.traffic import Traffic
from tests.ground import number

CHINA = "+86"
CALLEES = (10, 11, 22)


@dataclass(frozen=True)
class KeysANumber(Traffic):
    """And presses 1, or hangs up and is called back."""

    of: ClassVar[str] = "inbound"
    callee: int
    is_connected: bool
    talk_ms: int

    @classmethod
    def weight(cls) -> int:
        return 3

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.choice(CALLEES), rng.random() < 0.5, rng.randint(1_000, 4_000))

    def run(self, desk: Desk) -> None:
        callee = number(self.callee)
        keys = f"w1 {callee.removeprefix(CHINA)}#"
        phone = Phone(
            desk, self, desk.user(10), fits=set() if self.is_connected else {"completed"}, numbers=[callee],
            follows="" if self.is_connected else "keyed",
        )  # fmt: skip
        if self.is_connected:
            phone.calls(keys=f"{keys} w1 1", hang_up_after_s=14)
        else:
            phone.calls(keys=keys, hang_up_after_s=8)
        phone.until_quiet(self.talk_ms)


@dataclass(frozen=True)
class IsNotTaken(Traffic):
    """It rings, and he gives up; or it is busy. He is called back, hears the menu, and keys nothing."""

    of: ClassVar[str] = "inbound"
    is_busy: bool
    caller: int

    @classmethod
    def weight(cls) -> int:
        return 2

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.random() < 0.5, rng.choice((10, 26, 22)))

    def run(self, desk: Desk) -> None:
        fits = {"caller_gave_up", "caller_not_confirmed", "caller_busy"}
        phone = Phone(desk, self, desk.user(self.caller), fits=fits, follows="" if self.is_busy else "always")
        phone.calls(BUSY if self.is_busy else MISSED, ring_s=1.5)
        phone.until_quiet()
        desk.pause(3_000 if self.is_busy else 0)  # of a busy call there is no record that one is to follow
        phone.until_quiet()


@dataclass(frozen=True)
class IsAStranger(Traffic):
    """He is told so; or asked for a PIN, where there is one."""

    of: ClassVar[str] = "inbound"

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls()

    def run(self, desk: Desk) -> None:
        phone = Phone(desk, self, desk.stranger(number(10)), fits={"caller_gave_up", "caller_not_confirmed"})
        phone.calls(PLATFORM, hang_up_after_s=6)
        phone.until_quiet()
