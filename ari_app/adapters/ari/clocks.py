"""The PBX's time, as far as it can be told without asking: talks are timed by its clock, and must be cut off by it.

Goes by this machine's boot clock, which nobody steps, and by what the PBX said of its own: a step of this machine's
wall clock, by NTP or by hand, ends no talk and makes none longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.errors import AriError
from ari_app.adapters.ari.timestamps import epoch_ms

log = structlog.get_logger()

APART_MS_MAX = 1_000

HARM = (
    "calls go by the PBX's clock and do not suffer; months and expiries do, by whichever of the two is wrong, and no "
    "two records can be compared: run NTP on both machines"
)


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """Goes on while the machine sleeps, as the PBX's clock does."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


class Clock:
    """Until the PBX has told its time: what the wall clock said when this was made."""

    def __init__(self, wall: Callable[[], int] = wall_ms, boot: Callable[[], int] = boot_ms) -> None:
        self._wall, self._boot = wall, boot
        self._ahead_ms = wall() - boot()
        self._asked_at_ms: int | None = None
        self.is_told = False
        """Whether it is the PBX's word."""

    def now_ms(self) -> int:
        return self._boot() + self._ahead_ms

    def is_doubted_by(self, event_at_ms: int) -> bool:
        """Whether an event that came just now should have another time. (Or it came late: so the PBX is asked, though
        not for each of them.)"""
        if not event_at_ms or abs(event_at_ms - self.now_ms()) <= APART_MS_MAX:
            return False
        if self._asked_at_ms is not None and self._boot() - self._asked_at_ms < APART_MS_MAX:
            return False
        self._asked_at_ms = self._boot()
        return True

    async def ask(self, client: Client) -> None:
        """Set it by what the PBX says; says so in one line if the wall clocks are more than APART_MS_MAX apart."""
        asked_ms = self._boot()
        with suppress(AriError):  # a PBX that cannot tell its time is no reason to have no link to it
            theirs_ms = epoch_ms((await client.asterisk.ping()).timestamp)
            if theirs_ms:
                self._learn(theirs_ms, asked_ms, self._boot())

    def _learn(self, theirs_ms: int, asked_ms: int, answered_ms: int) -> None:
        """By the middle of the way; a difference that may be nothing but the way is none."""
        self.is_told = True
        doubt_ms = (answered_ms - asked_ms) // 2
        ahead_ms = theirs_ms - (asked_ms + answered_ms) // 2
        if abs(ahead_ms - self._ahead_ms) > doubt_ms:
            self._ahead_ms = ahead_ms
        of_the_wall_ms = ahead_ms - (self._wall() - self._boot())
        if abs(of_the_wall_ms) - doubt_ms > APART_MS_MAX:
            log.warning("clocks differ", pbx_ahead_ms=of_the_wall_ms, why=HARM)
