"""What operators scrape. Names begin with ringbridge_; docs/metrics.md describes each one."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ari_app.domain.call import Call
from ari_app.engine.engine import Watch


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.calls = Counter("ringbridge_calls", "Calls that ended, by type and reason", ["type", "reason"], registry=r)
        self.started = Counter("ringbridge_calls_started", "Calls accepted, by type", ["type"], registry=r)
        self.live = Gauge("ringbridge_calls_live", "Calls that live now", registry=r)
        self.charged = Counter("ringbridge_charged_seconds", "Seconds taken from payers", ["type"], registry=r)
        self.overrun = Counter("ringbridge_overrun_seconds", "Seconds talked beyond what was held", registry=r)
        self.tasks = Gauge("ringbridge_tasks", "Tasks of the event loop", registry=r)
        self.link = Gauge("ringbridge_pbx_link_up", "1 while the PBX is in sight", registry=r)
        self.reconnects = Counter("ringbridge_pbx_links", "Times the PBX came into sight", registry=r)
        self.strangers = Counter(
            "ringbridge_strangers", "Channels with our ids that no call wanted, hung up", registry=r
        )
        self.pdd = Histogram(
            "ringbridge_pdd_seconds", "From dialling to the first sign of the far network", ["trunk"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8), registry=r,
        )  # fmt: skip
        self.answered = Counter("ringbridge_legs_answered", "Legs that were answered", ["role", "trunk"], registry=r)
        self.dialled = Counter("ringbridge_legs_dialled", "Legs that were dialled", ["role", "trunk"], registry=r)

    def watch(self) -> Watch:
        return Watch(call_told=self._told, link=self._link, stranger=lambda _channel: self.strangers.inc())

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _link(self, up: bool) -> None:
        self.link.set(int(up))
        if up:
            self.reconnects.inc()

    def _told(self, call: Call, state: str) -> None:
        if state == "queued":
            self.started.labels(call.type).inc()
        if state != "ended" or call.settled is None or call.end is None:
            return
        self.calls.labels(call.type, str(call.end.reason)).inc()
        self.charged.labels(call.type).inc(call.settled.charged_s)
        self.overrun.inc(call.settled.overrun_s)
        for leg in call.legs:
            for n, t in enumerate(leg.tries):
                trunk = leg.routes[n].trunk
                self.dialled.labels(leg.role, trunk).inc()
                if t.answered_at_ms is not None:
                    self.answered.labels(leg.role, trunk).inc()
                sign_ms = min((s for s in (t.rang_at_ms, t.early_at_ms, t.answered_at_ms) if s is not None), default=0)
                if sign_ms:
                    self.pdd.labels(trunk).observe(max(0, sign_ms - t.dialled_at_ms) / 1000)
