"""Notices to a few: who presses the key confirms, who does not is rung again; some are reminded of, or cancelled."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import ClassVar, Self

from tests.chaos.desk import Desk
from tests.chaos.letters import Letter
from tests.chaos.traffic import Traffic
from tests.ground import number

CONFIRMS, VOICEMAIL, BUSY, LISTENS, REJECTS, HANGS_UP = 28, 29, 22, 10, 24, 26
CONNECTS = 88
"""Presses 3 after 3 s: to be connected to the sender."""
PHONES = (CONFIRMS, CONFIRMS, CONFIRMS, CONNECTS, VOICEMAIL, BUSY, LISTENS, REJECTS, HANGS_UP)
_beats = itertools.count()


@dataclass(frozen=True)
class Noticed(Traffic):
    of: ClassVar[str] = "notice"
    phones: tuple[int, ...]
    tries: int
    then: str

    @classmethod
    def weight(cls) -> int:
        return 4

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        phones = tuple(rng.choice(PHONES) for _ in range(rng.randint(1, 3)))
        return cls(phones, rng.choice((1, 2)), rng.choice(("", "", "", "remind", "cancel")))

    def run(self, desk: Desk) -> None:
        letter = Letter(desk, self, desk.user(10), [number_of(phone) for phone in self.phones], self.tries)
        if self.then == "cancel":
            desk.pause(2_500)
            letter.cancel()
        letter.until_done()
        if self.then == "remind" and not desk.over.is_set():
            letter.remind()
            letter.until_done()


def number_of(phone: int) -> str:
    """Of its own for each; one that connects presses 3, and then keys that mean nothing (see docs/carrier.md)."""
    if phone != CONNECTS:
        return number(phone)
    n = next(_beats)
    return f"+8613988 3{NOTHING[n % 7]}{NOTHING[n // 7 % 7]}{NOTHING[n // 49 % 7]}{10 + n // 343 % 10:02d}".replace(
        " ", ""
    )


NOTHING = "0456789"
