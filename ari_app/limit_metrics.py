"""Of the limits: what was refused by which rule, and what the trunks that have a limit have cost today. Users and teams
are counted, not named: there may be a million."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge

from ari_app.engine.spending import MICRO, SpendWatch
from ari_app.ports.costs import Payer

RULES = ("pair", "number", "user-spend", "team-spend")
"""What a rule's name begins with."""
KINDS: tuple[Payer, ...] = ("user", "team", "trunk")


class LimitMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter("ringbridge_limits_hit", "Calls refused by a limit", ["rule"], registry=registry)
        self.alarms = Counter(
            "ringbridge_spend_alarms", "Users, teams and trunks past their alarm", ["kind"], registry=registry
        )
        self.spent = Gauge(
            "ringbridge_trunk_spent", "What a trunk with a limit has cost today", ["trunk", "currency"],
            registry=registry,
        )  # fmt: skip
        self.stopped = Gauge(
            "ringbridge_trunk_stopped", "1 while it has cost as much as it may in a day", ["trunk"], registry=registry
        )
        for rule in RULES:
            self.refused.labels(rule)
        for kind in KINDS:
            self.alarms.labels(kind)

    def hit(self, rule: str) -> None:
        """By its whole name, such as pair-3-in-300s."""
        known = next((one for one in RULES if rule.startswith(f"{one}-")), None)
        if known is not None:
            self.refused.labels(known).inc()

    def watch(self) -> SpendWatch:
        return SpendWatch(alarm=lambda kind: self.alarms.labels(kind).inc(), trunks=self._trunks)

    def _trunks(self, spent: Mapping[str, Mapping[str, int]], stopped: Iterable[str]) -> None:
        self.spent.clear()
        self.stopped.clear()
        for trunk, by_currency in spent.items():
            self.stopped.labels(trunk).set(int(trunk in stopped))
            for currency, micro in by_currency.items():
                self.spent.labels(trunk, currency).set(micro / MICRO)
