"""What operators see of events and webhooks. Names begin with ringbridge_; docs/metrics.md describes each one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from ari_app.ports.feed import News
from ari_app.ports.webhooks import Attempt, Outcome, Standing


class WebhookMetrics:
    """The Watch of hooks/telling.py."""

    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.relaying = Gauge("ringbridge_events_relaying", "1 while this process relays events", registry=r)
        self.relayed = Counter("ringbridge_events_relayed", "Events put into the feed", ["kind"], registry=r)
        self.lag = Gauge(
            "ringbridge_events_lag_seconds", "From an event to the feed, of those put there last", registry=r
        )
        self.unrelayed = Gauge("ringbridge_events_unrelayed", "Calls and notices to be relayed", registry=r)
        self.deliveries = Counter("ringbridge_webhook_deliveries", "Attempts, by outcome", ["outcome"], registry=r)
        self.waiting = Gauge("ringbridge_webhook_waiting", "Events that wait for a receiver", registry=r)
        self.oldest = Gauge("ringbridge_webhook_oldest_seconds", "Since when the oldest of them does", registry=r)
        self.dead = Gauge("ringbridge_webhook_dead", "Events that were given up and can be replayed", registry=r)
        self.resting = Gauge("ringbridge_webhooks_resting", "Webhooks whose receiver takes nothing", registry=r)
        self.lost = Counter("ringbridge_webhook_gaps", "Webhooks that missed events of the feed", registry=r)
        self._rested: set[str] = set()
        for outcome in get_args(Outcome):
            self.deliveries.labels(outcome)
        for kind in ("call", "notice"):
            self.relayed.labels(kind)

    def published(self, news: Sequence[News]) -> None:
        for one in news:
            self.relayed.labels(one.source.kind).inc()
        if news:
            self.lag.set(max(0.0, time.time() - min(one.at_ms for one in news) / 1000))

    def missed(self, _id: str) -> None:
        self.lost.inc()

    def leads(self, is_ours: bool) -> None:
        self.relaying.set(int(is_ours))
        for gauge in (self.lag, self.unrelayed, self.waiting, self.oldest, self.dead, self.resting):
            gauge.set(0)
        self._rested.clear()

    def attempted(self, attempt: Attempt) -> None:
        self.deliveries.labels(attempt.outcome).inc()

    def rested(self, id: str, is_rested: bool) -> None:
        (self._rested.add if is_rested else self._rested.discard)(id)
        self.resting.set(len(self._rested))

    def standing(self, each: Mapping[str, Standing], unrelayed: int) -> None:
        """Of all webhooks, by whoever relays."""
        self._rested &= each.keys()
        self.resting.set(len(self._rested))
        self.unrelayed.set(unrelayed)
        self.waiting.set(sum(one.waiting for one in each.values()))
        self.dead.set(sum(one.dead for one in each.values()))
        oldest_ms = min((one.oldest_ms for one in each.values() if one.oldest_ms is not None), default=None)
        self.oldest.set(0 if oldest_ms is None else max(0.0, time.time() - oldest_ms / 1000))
