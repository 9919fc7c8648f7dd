"""What an operator sees of how good each trunk is; docs/metrics.md describes each one. Of legs whose calls ended in
this process: figures for alarms, of the last quarter of an hour, and counters that add up over processes."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from ari_app.domain.costing import LegCost, sums_of
from ari_app.domain.quality import quality_of
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.http.doors import TrunkNow

WINDOW_S = 900
STEP_S = 15
"""Legs of so long are forgotten together: the memory of a trunk is 60 sums, however many legs there are."""


class TrunkMetrics:
    def __init__(self, registry: CollectorRegistry, now_s: Callable[[], float] = time.monotonic) -> None:
        r, by = registry, ["trunk"]
        self._now_s = now_s
        self._steps: deque[tuple[int, dict[str, Tally[str]]]] = deque()
        self.ends = Counter("ringbridge_trunk_legs", "Legs that ended, by outcome", ["trunk", "outcome"], registry=r)
        self.talk = Counter("ringbridge_trunk_talk_seconds", "Talk of answered legs", by, registry=r)
        self.lately = Gauge("ringbridge_trunk_recent_legs", "Legs of the last 15 minutes", by, registry=r)
        self.asr = Gauge("ringbridge_trunk_asr", "Of these, the share that was answered", by, registry=r)
        self.ner = Gauge("ringbridge_trunk_ner", "Of these, the share that reached the called side", by, registry=r)
        self.acd = Gauge("ringbridge_trunk_acd_seconds", "Mean talk of those that were answered", by, registry=r)
        self.registered = Gauge("ringbridge_trunk_registered", "1 while it is registered", by, registry=r)
        self.lines_max = Gauge("ringbridge_trunk_lines_max", "Lines that it has", by, registry=r)

    def saw(self, legs: Iterable[LegCost]) -> None:
        """Of a call that has ended."""
        for leg in legs:
            self.ends.labels(leg.trunk, leg.outcome).inc()
            self.talk.labels(leg.trunk).inc(leg.talk_ms / 1000)
            self._step().setdefault(leg.trunk, Tally()).update(sums_of(leg))

    def _step(self) -> dict[str, Tally[str]]:
        now = int(self._now_s() // STEP_S)
        self._forget(now)
        if not self._steps or self._steps[-1][0] != now:
            self._steps.append((now, {}))
        return self._steps[-1][1]

    def _forget(self, now: int) -> None:
        while self._steps and self._steps[0][0] <= now - WINDOW_S // STEP_S:
            self._steps.popleft()

    def show(self, trunks: Iterable[Trunk], states: Iterable[TrunkNow]) -> None:
        """Of the trunks in force. What nobody knows is not shown."""
        self._forget(int(self._now_s() // STEP_S))
        for gauge in (self.lately, self.asr, self.ner, self.acd, self.registered, self.lines_max):
            gauge.clear()
        registers = {trunk.name for trunk in trunks if self._show(trunk)}
        for now in states:
            if now.name in registers and now.registration:
                self.registered.labels(now.name).set(int(now.registration == "Registered"))

    def _show(self, trunk: Trunk) -> bool:
        total = Tally[str]()
        for _, sums in self._steps:
            total.update(sums.get(trunk.name, {}))
        found = quality_of(total)
        self.lately.labels(trunk.name).set(found.legs)
        for gauge, value in ((self.asr, found.asr), (self.ner, found.ner), (self.acd, found.acd_s)):
            if value is not None:
                gauge.labels(trunk.name).set(value)
        if trunk.max_channels:
            self.lines_max.labels(trunk.name).set(trunk.max_channels)
        return trunk.register
