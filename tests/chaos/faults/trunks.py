"""What may befall trunks: a carrier that dies, stands still or refuses every call; and an admin who puts other trunks
in force, or tries to, while calls go on."""

from __future__ import annotations

import random
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.carriers import CARRIERS, OTHERS
from tests.chaos.faults import Fault, Limits

if TYPE_CHECKING:
    from tests.chaos.admin import Running
    from tests.chaos.house import ChaosHouse


@dataclass(frozen=True)
class OfACarrier(Fault):
    which: str

    @property
    def targets(self) -> frozenset[str]:
        return frozenset({self.which})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(1, 6), 1), rng.choice(OTHERS))


@dataclass(frozen=True)
class CarrierKilled(OfACarrier):
    """The embedded one's death is CarrierGone."""

    def strike(self, house: ChaosHouse) -> None:
        house.servers.kill_carrier(self.which)

    def end(self, house: ChaosHouse) -> None:
        house.mend_servers()


@dataclass(frozen=True)
class CarrierStopped(OfACarrier):
    """What it was asked meanwhile it answers afterwards, when nobody wants it any more."""

    def strike(self, house: ChaosHouse) -> None:
        house.servers.stop_carrier(self.which)

    def end(self, house: ChaosHouse) -> None:
        house.servers.carrier_goes_on(self.which)


@dataclass(frozen=True)
class CarrierRefuses(Fault):
    """503 to every call; those that talk talk on."""

    which: str

    @property
    def targets(self) -> frozenset[str]:
        return frozenset({f"{self.which} refuses"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(1, 6), 1), rng.choice(CARRIERS))

    def strike(self, house: ChaosHouse) -> None:
        house.servers.carrier_refuses(self.which)

    def end(self, house: ChaosHouse) -> None:
        house.servers.carrier_takes_calls(self.which)


# ---- the admin ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OfTheAdmin(Fault):
    """A command that goes on while the fault lasts, so that another one strikes in its midst. It does no harm to any
    call, and excuses next to nothing."""

    change: int
    targets = frozenset({"trunks"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(round(rng.uniform(0.5, 3), 1), rng.randrange(10**6))

    def strike(self, house: ChaosHouse) -> None:
        house.trunk_commands.append(self.begin(house))

    def end(self, house: ChaosHouse) -> None:
        while house.trunk_commands:
            house.trunk_commands.pop().wait()

    @abstractmethod
    def begin(self, house: ChaosHouse) -> Running: ...


@dataclass(frozen=True)
class TrunksApplied(OfTheAdmin):
    def begin(self, house: ChaosHouse) -> Running:
        house.admin.write(self.change)
        return house.admin.begin("apply")


@dataclass(frozen=True)
class TrunksRefused(OfTheAdmin):
    """Asterisk does not take it."""

    def begin(self, house: ChaosHouse) -> Running:
        house.admin.write(self.change, nonsense_at=CARRIERS[self.change % len(CARRIERS)])
        return house.admin.begin("apply", is_nonsense=True)


@dataclass(frozen=True)
class TrunksTakenBack(OfTheAdmin):
    """A trunk is taken out, and later the version before is put in force again."""

    def begin(self, house: ChaosHouse) -> Running:
        house.admin.remember()
        house.admin.write(self.change, without=CARRIERS[self.change % len(CARRIERS)])
        return house.admin.begin("apply")

    def end(self, house: ChaosHouse) -> None:
        super().end(house)
        house.admin.take_back()


@dataclass(frozen=True)
class ApplyKilled(Fault):
    """SIGKILL, so long after it has begun to change something."""

    change: int
    after_ms: int
    targets = frozenset({"trunks"})

    @classmethod
    def draw(cls, rng: random.Random, limits: Limits) -> Self:
        return cls(0, rng.randrange(10**6), rng.choice((0, 2, 10, 30, 100, 300)))

    def strike(self, house: ChaosHouse) -> None:
        house.admin.write(self.change)
        house.admin.begin("apply").kill_in_the_midst(house.admin.versions, self.after_ms)

    def end(self, house: ChaosHouse) -> None:
        """A running app takes it back."""
