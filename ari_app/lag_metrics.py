"""What an operator sees of lag and of admission; docs/metrics.md describes each one. Measures nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ari_app.engine.admission import Admission, Why


class LagMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.pbx = Gauge(
            "ringbridge_pbx_lag_seconds", "How far the PBX is behind, at worst of late", ["node"], registry=r
        )
        self.loop = Gauge("ringbridge_loop_lag_seconds", "How late our event loop is, at worst of late", registry=r)
        self.blocked = Histogram(
            "ringbridge_loop_blocked_seconds", "How late our event loop was, at each look",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5), registry=r,
        )  # fmt: skip
        self.rate = Gauge("ringbridge_admission_rate", "Calls that may begin in a second", ["node"], registry=r)
        self._refused = Counter(
            "ringbridge_admission_refused", "Calls refused for want of capacity to set them up", ["node", "why"],
            registry=r,
        )  # fmt: skip

    def refused(self, node: str, why: Why) -> None:
        self._refused.labels(node, why).inc()

    def show(self, loop_s: float, nodes: Iterable[tuple[str, Admission | None]]) -> None:
        """Of the nodes that are ours now."""
        self.loop.set(loop_s)
        self.pbx.clear()
        self.rate.clear()
        for node, admission in nodes:
            if admission is None:
                continue
            self.pbx.labels(node).set(admission.worst_lag_s)
            self.rate.labels(node).set(admission.rate_per_s)
            for why in get_args(Why):
                self._refused.labels(node, why)
