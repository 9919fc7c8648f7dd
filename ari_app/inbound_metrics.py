"""What is counted of calls to the platform's number. docs/metrics.md describes each one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter

ROUTES = ("menu", "missed", "busy", "returned", "pin", "stranger", "unavailable", "too_many", "refused")
WHYS = ("address", "connections", "request", "late")


class InboundMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        self.arrivals = Counter(
            "ringbridge_inbound_calls", "Calls to the platform, by what was done about them", ["route"],
            registry=registry,
        )  # fmt: skip
        self.refused = Counter(
            "ringbridge_agi_refused", "FastAGI requests that were not answered", ["why"], registry=registry
        )
        for route in ROUTES:
            self.arrivals.labels(route)
        for why in WHYS:
            self.refused.labels(why)

    def arrived(self, route: str) -> None:
        self.arrivals.labels(route).inc()

    def not_answered(self, why: str) -> None:
        self.refused.labels(why).inc()
