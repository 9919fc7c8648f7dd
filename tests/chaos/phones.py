"""Phones that call the platform: they do what they were told before, whether anybody answers or not. And what a
developer does about the calls that come of it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal

from ari_app.stack import StackError
from tests.callers import Caller, dial_in
from tests.chaos.asked import Who
from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic

PLATFORM, MISSED, BUSY = "+864001234567", "+864009990001", "+864009990002"
"""As the app was told (tests/ringbridge.py, INBOUND_NUMBERS)."""
SPARE_S = 6.0
PATIENCE_S = 25.0
"""For a call that is to follow."""


class Phone:
    def __init__(
        self, desk: Desk, traffic: Traffic, who: Who, *, fits: Iterable[str], numbers: Iterable[str] = (),
        follows: Literal["", "keyed", "always"] = "", leads_on: bool = False,
    ) -> None:  # fmt: skip
        self._desk = desk
        self.asked = desk.note(
            traffic, who, numbers=set(numbers), fits=frozenset(fits), follows=follows, leads_on=leads_on
        )
        self._caller: Caller | None = None
        self._over_s = 0.0

    def calls(
        self, to: str = PLATFORM, *, keys: str = "", hang_up_after_s: float = 20, ring_s: float = 20
    ) -> None:  # fmt: skip
        """Not at all, where its carrier is dead."""
        self._over_s = time.monotonic() + hang_up_after_s + ring_s + SPARE_S
        try:
            self._caller = dial_in(
                self._desk.house.ground, self.asked.who.number, to, keys=keys, hang_up_after_s=hang_up_after_s,
                ring_s=ring_s,
            )  # fmt: skip
        except StackError:
            self._over_s = 0.0

    def is_over(self) -> bool:
        """Or its carrier died, and nobody writes down its end."""
        record = self._caller.record() if self._caller is not None else None
        return (record is not None and record.ended_at_ms is not None) or time.monotonic() > self._over_s

    def until_quiet(self, talk_ms: int = 0) -> None:
        """It has hung up, and so have all who were called on account of it."""
        self._desk.attend(self.asked, self.is_over, talk_ms, PATIENCE_S)
