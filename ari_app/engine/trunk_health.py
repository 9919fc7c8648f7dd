"""Which trunks are fit to be tried: a breaker for each, fed by the ends of tries, and what the PBX says of its
registration and of whether it can be reached.

Of this process alone: another one learns for itself, from a few calls of its own. Nobody has to agree on it, and what
is known here is gone with the process, which then tries every trunk anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import structlog

from ari_app.domain.breaker import Breaker, Rule, failed, worked
from ari_app.engine.trunk_signs import Sign

log = structlog.get_logger()

State = Literal["up", "rested", "probing", "down"]
Unfit = Literal["rested", "down"]
PROBE_MS = 120_000
"""A probe of which nothing is heard for so long is forgotten: its node went to another process."""


@dataclass(frozen=True, slots=True)
class Health:
    """`probing`: it rested, and one call at a time tries it. Times in ms since the epoch; `until_ms` of a rest, None
    where nobody knows."""

    state: State = "up"
    since_ms: int | None = None
    until_ms: int | None = None
    why: str = ""


class TrunkHealth:
    """`is_down`: why the PBX cannot reach this trunk, "" where it can or nobody knows."""

    def __init__(
        self,
        rule: Rule | None = None,
        *,
        is_down: Callable[[str], str] = lambda _trunk: "",
        monotonic_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._rule = rule or Rule()
        self._is_down = is_down
        self._now_ms = monotonic_ms
        self._wall_ms = wall_ms
        self._breakers: dict[str, Breaker] = {}
        self._probes: dict[str, tuple[str, int]] = {}  # trunk → the channel that probes it, since when

    # ---- asked --------------------------------------------------------------------------------------------------

    def of(self, trunk: str) -> Health:
        now_ms, wall_ms = self._now_ms(), self._wall_ms()
        b = self._breakers.get(trunk, Breaker())
        since_ms = wall_ms - (now_ms - b.since_ms) if b.since_ms else None
        if why := self._is_down(trunk):
            return Health("down", None, None, why)
        if b.until_ms is None:
            return Health("up", since_ms)
        if b.standing(now_ms) == "rests":
            return Health("rested", since_ms, wall_ms + b.until_ms - now_ms, b.why)
        return Health("probing", since_ms, None, b.why)

    def unfit(self, trunk: str, is_down: Callable[[str], str] | None = None) -> Unfit | None:
        """Why it is passed over as long as there is another one; None: it is tried at its place. `is_down`: as the PBX
        says that would dial; else any of ours."""
        if (is_down or self._is_down)(trunk):
            return "down"
        b = self._breakers.get(trunk)
        if b is None or b.until_ms is None:
            return None
        now_ms = self._now_ms()
        return "rested" if b.standing(now_ms) == "rests" or self._is_probed(trunk, now_ms) else None

    def _is_probed(self, trunk: str, now_ms: int) -> bool:
        _, since_ms = self._probes.get(trunk, ("", -PROBE_MS))
        return now_ms - since_ms < PROBE_MS

    # ---- told ---------------------------------------------------------------------------------------------------

    def dials(self, trunk: str, channel: str) -> None:
        """This channel is about to be dialled: of a trunk that has rested, the probe."""
        now_ms, b = self._now_ms(), self._breakers.get(trunk)
        if b is not None and b.standing(now_ms) == "probation" and not self._is_probed(trunk, now_ms):
            self._probes[trunk] = channel, now_ms
            log.info("trunk probed", trunk=trunk, channel=channel, rested_ms=now_ms - b.since_ms)

    def not_dialled(self, trunk: str, channel: str) -> None:
        """After all; or it is over, and said nothing."""
        if self._probes.get(trunk, ("", 0))[0] == channel:
            del self._probes[trunk]

    def saw(self, signs: Iterable[Sign]) -> None:
        for sign in signs:
            self.not_dialled(sign.trunk, sign.channel)
            if sign.worked:
                self._worked(sign.trunk, sign.waited_ms)
            elif sign.worked is False:
                self._failed(sign.trunk, sign.why)

    def _worked(self, trunk: str, waited_ms: int) -> None:
        """One that was on its way when the rest began does not end it: a trunk of which some work would never rest."""
        now_ms, before = self._now_ms(), self._breakers.get(trunk, Breaker())
        if before.until_ms is not None and now_ms - waited_ms < before.since_ms:
            return
        self._breakers[trunk] = worked(before, now_ms)
        if before.until_ms is not None:
            log.info("trunk back", trunk=trunk, rested_ms=now_ms - before.since_ms, why=before.why)

    def _failed(self, trunk: str, why: str) -> None:
        now_ms, before = self._now_ms(), self._breakers.get(trunk, Breaker())
        after = self._breakers[trunk] = failed(before, now_ms, why, self._rule)
        if after.until_ms is not None and after.until_ms != before.until_ms:
            log.warning("trunk rested", trunk=trunk, why=why, ms=after.until_ms - now_ms, times=after.rests)
