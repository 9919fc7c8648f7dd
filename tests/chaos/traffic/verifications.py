"""Codes that are read out, given back as they were heard, or wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Self

from tests.chaos.desk import Desk
from tests.chaos.proofs import Proof
from tests.chaos.traffic import Traffic

RECORDS = 5
PHONES = (RECORDS, RECORDS, 10, 22, 24, 26, 29)


@dataclass(frozen=True)
class Proved(Traffic):
    """By the code that was heard, where the phone records; else it is guessed, in vain."""

    of: ClassVar[str] = "verification"
    phone: int

    @classmethod
    def weight(cls) -> int:
        return 2

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.choice(PHONES))

    def run(self, desk: Desk) -> None:
        proof = Proof(desk, self, self.phone)
        desk.until_ended(proof.asked)
        proof.guess()
        if self.phone == RECORDS:
            proof.give_back()
