"""Conferences: phones are added, muted and taken out while they talk; the host leaves, or the API ends it, or the
minutes do; and somebody dials in."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Self

from tests.chaos.desk import Desk
from tests.chaos.halls import Hall
from tests.chaos.phones import Phone
from tests.chaos.traffic import Traffic
from tests.ground import number

COME = (10, 11, 12, 21)
SOME = (*COME, 22, 29, 25)
HOST, HOST_LEAVES = 10, 26


@dataclass(frozen=True)
class Conferenced(Traffic):
    """`does`: (after so many ms, what is done). The first of the others always comes."""

    of: ClassVar[str] = "conference"
    host: int
    others: tuple[int, ...]
    ends_with_host: bool
    does: tuple[tuple[int, str], ...]
    talk_ms: int

    @classmethod
    def weight(cls) -> int:
        return 3

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        others = (rng.choice(COME), *(rng.choice(SOME) for _ in range(rng.randint(1, 2))))
        does = tuple((rng.randint(0, 2_000), rng.choice(("add", "add", "mute", "unmute", "remove"))) for _ in range(2))
        host = HOST_LEAVES if rng.random() < 0.25 else HOST
        return cls(host, others, rng.random() < 0.7, does, rng.randint(2_000, 8_000))

    def run(self, desk: Desk) -> None:
        hall = Hall(
            desk, self, desk.user(self.host), self.others, max_duration_s=25, ends_with_host=self.ends_with_host
        )
        desk.until_state(hall.asked, "talking")
        for after_ms, what in self.does:
            desk.pause(after_ms)
            match what:
                case "add":
                    hall.add(COME[0])
                case "remove":
                    hall.remove(len(self.others) - 1)
                case _:
                    hall.mute(0, what == "mute")
        desk.talks(hall.asked, self.talk_ms)
        desk.hang_up(hall.asked)
        desk.until_ended(hall.asked)


@dataclass(frozen=True)
class ConferenceRunsOut(Traffic):
    """Nobody hangs up: the minutes end it, which three burn at once."""

    of: ClassVar[str] = "conference"
    has_s: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.randint(9, 20))

    def run(self, desk: Desk) -> None:
        hall = Hall(desk, self, desk.user(HOST, minutes_s=self.has_s), COME[:2], max_duration_s=25)
        desk.until_ended(hall.asked)


@dataclass(frozen=True)
class DialsIntoConference(Traffic):
    """A stranger calls the platform and keys the PIN."""

    of: ClassVar[str] = "conference"
    talk_ms: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.randint(5_000, 9_000))

    def run(self, desk: Desk) -> None:
        hall = Hall(desk, self, desk.user(HOST), COME[:1], max_duration_s=25)
        desk.until_state(hall.asked, "talking")
        if pin := hall.pin():
            fits = {"completed", "caller_not_confirmed", "caller_gave_up"}  # it may have ended when he has keyed
            phone = Phone(desk, self, desk.stranger(number(10)), leads_on=True, fits=fits)
            phone.calls(keys=f"w2 {pin}#", hang_up_after_s=14)
            desk.talks(hall.asked, self.talk_ms + 4_000)
            phone.until_quiet()
        desk.hang_up(hall.asked)
        desk.until_ended(hall.asked)
