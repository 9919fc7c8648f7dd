"""What the engine needs to count attempts: sets of call ids by the time at which they were asked for, over all
processes. Never counters: a mark has its call's name, so that it is set once, and can be taken back.

Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.domain.limits import Limit, Over

__all__ = ["Counted", "Limit", "Limits", "Over", "of_number", "of_pair"]


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted together: a payer's calls to one number (`pair`), or everybody's to it (`number`)."""

    kind: Literal["pair", "number"]
    number: str
    payer: str = ""


def of_pair(payer: str, number: str) -> Counted:
    return Counted("pair", number, payer)


def of_number(number: str) -> Counted:
    return Counted("number", number)


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
