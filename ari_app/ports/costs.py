"""What the operator owes its carriers: every dialled try of every leg, noted once when its call is over.

Money is integer millionths of the currency, times are ms since the epoch, days are "2026-11-26" by the operator's
clock.
Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

from ari_app.domain.costing import LegCost

__all__ = ["KEPT_DAYS", "Costs", "LegCost", "Payer"]

KEPT_DAYS = 400
"""How long a day's legs and sums are kept, by default."""

Payer = Literal["user", "team", "trunk"]
"""Whose spending is asked for."""


class Costs(Protocol):
    async def note(self, legs: Sequence[LegCost]) -> None:
        """Each leg counts once, however often it is noted; what was noted first stands. When it returns, the call may
        be forgotten: no loss of the store's last second takes the legs and leaves the forgetting."""

    def legs(self, trunk: str, day: str) -> AsyncIterator[LegCost]:
        """Of one trunk and one day, in no order; each once. Reads on as it is asked, so that no day fills the
        memory."""

    async def sums(self, trunk: str, day: str) -> Mapping[str, int]:
        """`legs`, `answered`, `talk_s` (whole seconds), `billed_s` (by the deck's increments), `charged_s`, `free`
        (answered legs without a price), `micro:<currency>`, and what domain/quality.py makes figures of. What is not
        there is 0."""

    async def spent(self, kind: Payer, name: str, day: str) -> Mapping[str, int]:
        """Currency → millionths, of that day."""

    async def trunks(self, month: str) -> Sequence[str]:
        """Names that have legs in "2026-11", by name; also of those that are configured no more."""
