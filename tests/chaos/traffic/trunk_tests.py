"""An admin who tests one trunk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar, Self

from tests.chaos.carriers import CARRIERS
from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic
from tests.ground import number


@dataclass(frozen=True)
class TrunkTested(Traffic):
    """It may have been taken out of force just now, or have all its lines taken."""

    of: ClassVar[str] = "trunk_test"
    which: int
    phone: int
    seconds: int

    @classmethod
    def draw(cls, rng: random.Random) -> Self:
        return cls(rng.randrange(100), rng.choice((10, 10, 22, 26)), rng.randint(1, 4))

    def run(self, desk: Desk) -> None:
        trunks = [name for name in CARRIERS if name in desk.house.servers.carriers]
        its = number(self.phone)
        call = desk.begin(
            self, desk.stranger(its), f"/v1/trunks/{trunks[self.which % len(trunks)]}/test",
            {"number": its, "seconds": self.seconds}, longest_s=self.seconds, callee=its,
            may_be_refused=frozenset({"unknown-trunk", "not-found"}),
        )  # fmt: skip
        desk.until_ended(call)
