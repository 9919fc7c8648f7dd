"""What the engine needs to count attempts: sets of call ids by the time at which they were asked for, over all
processes. Never counters: a mark has its call's name, so that it is set once, and can be taken back.

Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.domain.limits import Limit, Over

__all__ = [
    "Counted", "Kind", "Limit", "Limits", "Over", "of_arrivals", "of_guess", "of_number", "of_pair", "of_partner",
    "of_pins", "of_proof", "of_prover",
]  # fmt: skip


Kind = Literal["pair", "number", "proof", "prover", "partner", "guess", "arrivals", "pins"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted together: a payer's calls to one number (`pair`), or everybody's to it (`number`); codes that
    were read out to a number (`proof`), on behalf of a user to whatever number (`prover`), or of all users of a tenant
    (`partner`), and wrong ones that a user gave back (`guess`); calls to the platform from a number (`arrivals`), and
    PINs that were keyed there (`pins`)."""

    kind: Kind
    number: str
    payer: str = ""

    @property
    def ids(self) -> dict[str, str]:
        """What stands in its name."""
        number, payer = {"number": self.number}, {"payer": self.payer}
        match self.kind:
            case "pair":
                return number | payer
            case "number" | "proof" | "arrivals" | "pins":
                return number
        return payer


def of_pair(payer: str, number: str) -> Counted:
    return Counted("pair", number, payer)


def of_number(number: str) -> Counted:
    return Counted("number", number)


def of_proof(number: str) -> Counted:
    return Counted("proof", number)


def of_prover(user: str) -> Counted:
    return Counted("prover", "", user)


def of_partner(tenant: str) -> Counted:
    return Counted("partner", "", tenant)


def of_guess(user: str) -> Counted:
    return Counted("guess", "", user)


def of_arrivals(number: str) -> Counted:
    return Counted("arrivals", number)


def of_pins(number: str) -> Counted:
    return Counted("pins", number)


class Limits(Protocol):
    async def mark(
        self, what: Counted, call: str, limits: Sequence[Limit], *, at_ms: int, keep_s: int
    ) -> Over | None:  # fmt: skip
        """Count this call, unless a limit is reached; then it is not counted. One that has its mark already keeps it
        as it is, whatever the limits say. Without limits it is counted in any case. Marks are kept for `keep_s`."""

    async def take_back(self, what: Counted, call: str) -> None:
        """The call reached no carrier."""

    async def marks(self, what: Counted) -> Mapping[str, int]:
        """Call → its time (ms), the oldest first."""

    async def lift(self, what: Counted) -> int:
        """Forget all marks, by the operator's own hand. How many there were."""
