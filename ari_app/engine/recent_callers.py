"""Writes down whom a user has called with the platform's number shown: should that phone call back, it is meant for
him. Knows ports only.
"""

from __future__ import annotations

from collections.abc import Callable

from ari_app.domain.call import CALLER, Call, Leg
from ari_app.ports.recent_calls import RecentCalls

DAY_S = 86_400


class RecentCallers:
    """`days`: so long it is remembered; 0: not at all. `kept_s`: so long, at most, after this call."""

    def __init__(
        self, recent: RecentCalls, platform_number: str, days: int,
        kept_s: Callable[[Call], int | None] = lambda _call: None,
    ) -> None:  # fmt: skip
        self._recent = recent
        self._platform_number = platform_number
        self._keep_s = days * DAY_S
        self._kept_s = kept_s

    async def last(self, number: str) -> str | None:
        """May raise Unavailable."""
        return await self._recent.last(number) if self._keep_s else None

    async def ended(self, call: Call) -> None:
        """May raise Unavailable; asked again, it does no harm."""
        kept_s = self._kept_s(call)
        keep_s = self._keep_s if kept_s is None else min(kept_s, self._keep_s)
        if not (keep_s and call.payer):
            return
        for leg in call.legs:
            if leg.role != CALLER and leg.user != call.payer and self._saw_us(leg):
                await self._recent.note(leg.number, call.payer, at_ms=call.now_ms, keep_s=keep_s)

    def _saw_us(self, leg: Leg) -> bool:
        """Its phone rang, by a number of ours."""
        return not leg.came_in and any(
            t.gave_sign and route.shown == self._platform_number
            for t, route in zip(leg.tries, leg.routes, strict=False)
        )
