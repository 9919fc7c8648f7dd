"""Whether a call that could be placed may be: what its payer and his team have spent today, and how often the number
was called. Refusals are values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ari_app.domain.call import Call
from ari_app.engine.asks import Refusal
from ari_app.engine.attempts import Attempts
from ari_app.engine.spending import Spending


class AbuseCheck(Protocol):
    async def refused(self, call: Call) -> Refusal | None:
        """None: it may begin, and is counted. Before anything is held or dialled. May raise Unavailable."""

    async def take_back(self, call: Call) -> None:
        """It was counted, and did not come to be, or came to nothing. Never raises Unavailable."""

    async def ended(self, call: Call) -> None:
        """The call is over, and what it cost is noted. May raise Unavailable; asking again does no harm."""


class NoCheck:
    """Every call may be."""

    async def refused(self, _call: Call) -> Refusal | None:
        return None

    async def take_back(self, _call: Call) -> None:
        return None

    async def ended(self, _call: Call) -> None:
        return None


class Abuse:
    def __init__(
        self, attempts: Attempts, spending: Spending, hit: Callable[[str], None] = lambda _rule: None
    ) -> None:  # fmt: skip
        """`hit`: told the rule of each refusal."""
        self._attempts = attempts
        self._spending = spending
        self._hit = hit

    async def refused(self, call: Call) -> Refusal | None:
        refusal = await self._spending.refused(call) or await self._attempts.refused(call)
        if refusal is not None:
            self._hit(refusal.rule)
        return refusal

    async def take_back(self, call: Call) -> None:
        await self._attempts.take_back(call)

    async def ended(self, call: Call) -> None:
        await self._attempts.ended(call)
        await self._spending.ended(call)
