"""What may still be called: how many more calls like one that was just placed, and for how many seconds. A look at what
is known here anyway, and at the payer's balance. Begins nothing; it promises nothing either: others may be quicker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ari_app.domain.call import Call, Leg
from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Balance

BALANCE_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Left:
    """Calls: None: as many as one likes. `minutes_s`: of the payer, beside what is held; None: nobody pays."""

    minutes_s: int | None
    lines: int | None
    of_user: int | None
    room: int | None

    @property
    def calls(self) -> int | None:
        told = (self.lines, self.of_user, self.room)
        return min((one for one in told if one is not None), default=None)


class CapacityLook(Protocol):
    async def after(self, call: Call) -> Left | None:
        """None: nothing is known. Raises nothing: the call is placed, whatever can be said of it."""


class NoLook:
    async def after(self, _call: Call) -> Left | None:
        return None


class Balances(Protocol):
    """Of ports.ledger.Ledger."""

    async def balance(self, *, payer: str, now_ms: int) -> Balance: ...


class Capacity:
    """`free_lines`: of a trunk; None: it has no limit, or none is known. `room`: calls that the PBXes take beside those
    that live; None: not known."""

    def __init__(
        self, ledger: Balances, free_lines: Callable[[str], int | None], room: Callable[[], int | None],
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._free_lines = free_lines
        self._room = room
        self._now_ms = now_ms

    async def after(self, call: Call) -> Left | None:
        minutes_s = of_user = None
        if call.payer:
            try:
                async with asyncio.timeout(BALANCE_WITHIN_S):
                    balance = await self._ledger.balance(payer=call.payer, now_ms=self._now_ms())
            except (Unavailable, TimeoutError):
                return None
            minutes_s, of_user = balance.available_s, max(0, call.terms.max_live_calls - balance.live_calls)
        return Left(minutes_s, self._lines(call.legs), of_user, self._room())

    def _lines(self, legs: Sequence[Leg]) -> int | None:
        """Each phone needs a line of a trunk that takes its number, and legs that share a trunk share its lines."""
        ways = [{route.trunk for route in leg.routes if not route.device} for leg in legs if not leg.came_in]
        counts = []
        for way in ways:
            free = [self._free_lines(trunk) for trunk in way]
            if way and None not in free:
                counts.append(sum(one or 0 for one in free) // sum(1 for other in ways if other & way))
        return min(counts, default=None)
