"""What operators scrape. Names begin with ringbridge_; docs/metrics.md describes each one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ari_app.domain.call import Call
from ari_app.domain.causes import Reason
from ari_app.domain.costing import leg_costs
from ari_app.engine.adoption import Adopted
from ari_app.engine.engine import Watch
from ari_app.engine.exposure import Exposure
from ari_app.engine.trunk_health import Health
from ari_app.entrypoints.http.doors import Part, TrunkNow
from ari_app.flows import flows
from ari_app.inbound_metrics import InboundMetrics
from ari_app.lag_metrics import LagMetrics
from ari_app.limit_metrics import LimitMetrics
from ari_app.notice_metrics import NoticeMetrics
from ari_app.trunk_metrics import TrunkMetrics
from ari_app.webhook_metrics import WebhookMetrics


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
        self.link = Gauge("ringbridge_pbx_link_up", "1 while the node's PBX is in sight", ["node"], registry=r)
        self.stand_downs = Counter("ringbridge_stand_downs", "Nodes that another process took from us", registry=r)
        self.reconnects = Counter("ringbridge_pbx_links", "Times the PBX came into sight", registry=r)
        self.strangers = Counter(
            "ringbridge_strangers", "Channels with our ids that no call wanted, hung up", registry=r
        )
        self.adopted = Counter(
            "ringbridge_calls_adopted", "Calls taken up after a gap, by what was found of them", ["found"], registry=r
        )
        self.adoption = Gauge(
            "ringbridge_adoption_seconds", "What the last taking-up took, from the calls' loading to all tended again",
            registry=r,
        )  # fmt: skip
        self.ready = Gauge("ringbridge_ready", "1 while this part lets calls be placed", ["part"], registry=r)
        self.trunks_version = Gauge("ringbridge_trunks_version", "The trunks that calls are routed by", registry=r)
        self.trunk_up = Gauge("ringbridge_trunk_up", "1 while the trunk can be reached", ["trunk"], registry=r)
        self.lines = Gauge("ringbridge_trunk_lines", "Channels of a trunk, over all processes", ["trunk"], registry=r)
        self.rested = Gauge("ringbridge_trunk_rested", "1 while the trunk is rested", ["trunk"], registry=r)
        self.passed_over = Counter(
            "ringbridge_trunk_passed_over", "Legs that could not be dialled over a trunk, by what kept them",
            ["trunk", "why"], registry=r,
        )  # fmt: skip
        self.redis_up = Gauge("ringbridge_redis_link_up", "1 while Redis is in reach", registry=r)
        self.redis_links = Counter("ringbridge_redis_links", "Times Redis came into reach", registry=r)
        self.lease = Gauge(
            "ringbridge_lease_left_seconds", "Until the PBX may not be used without renewal", ["node"], registry=r
        )
        self.held = Gauge("ringbridge_held_seconds", "Seconds held by live calls", registry=r)
        self.at_risk = Gauge("ringbridge_at_risk_seconds", "Of those, not known to the PBX's timers", registry=r)
        self.unsaved = Gauge("ringbridge_calls_unsaved", "Calls not safe in the store as they are", registry=r)
        self.unsaved_s = Gauge("ringbridge_unsaved_seconds", "Since when the oldest of them is not", registry=r)
        self.settled_again = Counter("ringbridge_settlements_retried", "Settlements asked for again", registry=r)
        self.unknown_ends = Counter("ringbridge_legs_unknown", "Legs whose end nobody could tell", registry=r)
        self.unanswered = Counter(
            "ringbridge_channels_unanswered", "Channels of which the PBX did not answer a question", registry=r
        )
        self.pdd = Histogram(
            "ringbridge_pdd_seconds", "From dialling to the first sign of the far network", ["trunk"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8), registry=r,
        )  # fmt: skip
        self.answered = Counter("ringbridge_legs_answered", "Legs that were answered", ["role", "trunk"], registry=r)
        self.dialled = Counter("ringbridge_legs_dialled", "Legs that were dialled", ["role", "trunk"], registry=r)
        self.cost = Counter(
            "ringbridge_cost_micro", "What carriers are owed, in millionths", ["trunk", "currency"], registry=r
        )
        self.billed = Counter(
            "ringbridge_billed_seconds", "What carriers bill, by their increments", ["trunk"], registry=r
        )
        self.lag = LagMetrics(r)
        self.limits = LimitMetrics(r)
        self.inbound = InboundMetrics(r)
        self.notices = NoticeMetrics(r)
        self.of_trunks = TrunkMetrics(r)
        self.webhooks = WebhookMetrics(r)
        self._begin_at_nought()

    def _begin_at_nought(self) -> None:
        """What is not there before it first happens shows no increase when it does, and no alert sees it."""
        for type in flows():
            self.started.labels(type)
            for reason in Reason:
                self.calls.labels(type, str(reason))

    def watch(self) -> Watch:
        """Of the engine of one node."""
        return Watch(
            call_told=self._told, link=self._link, adopted=self._adopted,
            stranger=lambda _channel: self.strangers.inc(), unanswered=lambda _channel: self.unanswered.inc(),
        )  # fmt: skip

    def text(self) -> bytes:
        return generate_latest(self.registry)

    # ---- told by others -----------------------------------------------------------------------------------------

    def parts(self, parts: Sequence[Part]) -> None:
        for part in parts:
            self.ready.labels(part.name).set(int(part.ok))

    def trunks(self, trunks: Iterable[TrunkNow]) -> None:
        """One whose state nobody knows is not shown: it is neither up nor down. Nor is one that is in force no more."""
        self.trunk_up.clear()
        for trunk in trunks:
            if trunk.state != "unknown":
                self.trunk_up.labels(trunk.name).set(int(trunk.state == "up"))

    def trunk_lines(self, in_use: Mapping[str, int], health: Mapping[str, Health]) -> None:
        """One whose lines nobody could count now is not shown."""
        self.lines.clear()
        self.rested.clear()
        for trunk, count in in_use.items():
            self.lines.labels(trunk).set(count)
        for trunk, now in health.items():
            self.rested.labels(trunk).set(int(now.state in ("rested", "probing")))

    def kept_back(self, trunk: str, why: str) -> None:
        self.passed_over.labels(trunk, why).inc()

    def redis_link(self, is_up: bool) -> None:
        self.redis_up.set(int(is_up))
        if is_up:
            self.redis_links.inc()

    def leases(self, left_ms: Mapping[str, int]) -> None:
        """Node → until its lease runs out, for those that are ours."""
        self.lease.clear()
        for node, ms in left_ms.items():
            self.lease.labels(node).set(ms / 1000)

    def links(self, in_sight: Mapping[str, bool]) -> None:
        """Node → whether its PBX is in sight, for those that are ours: also for one that never was."""
        self.link.clear()
        for node, is_in_sight in in_sight.items():
            self.link.labels(node).set(int(is_in_sight))

    def exposed(self, by_node: Iterable[Exposure]) -> None:
        found = list(by_node)
        self.held.set(sum(one.held_s for one in found))
        self.at_risk.set(sum(one.at_risk_s for one in found))
        self.unsaved.set(sum(one.unsaved for one in found))
        self.unsaved_s.set(max((one.unsaved_ms for one in found), default=0) / 1000)

    # ---- told by the engine -------------------------------------------------------------------------------------

    def stood_down(self, _node: str, _why: str) -> None:
        self.stand_downs.inc()

    def _link(self, up: bool) -> None:
        if up:
            self.reconnects.inc()

    def _adopted(self, done: Adopted) -> None:
        for found in ("live", "gone", "unknown"):
            self.adopted.labels(found).inc(getattr(done, found))
        self.adoption.set(done.load_ms / 1000)

    def _told(self, call: Call, state: str) -> None:
        if state == "queued":
            self.started.labels(call.type).inc()
        if state != "ended" or call.settled is None or call.end is None:
            return
        self.calls.labels(call.type, str(call.end.reason)).inc()
        self.charged.labels(call.type).inc(call.settled.charged_s)
        self.overrun.inc(call.settled.overrun_s)
        self.of_trunks.saw(leg_costs(call))
        for cost in leg_costs(call):
            self.cost.labels(cost.trunk, cost.currency).inc(cost.cost_micro)
            self.billed.labels(cost.trunk).inc(cost.billed_s)
        for leg in call.legs:
            for n, t in enumerate(leg.tries):
                if leg.came_in or not t.reached_trunk or leg.routes[n].device:
                    continue
                trunk = leg.routes[n].trunk
                self.dialled.labels(leg.role, trunk).inc()
                if t.how == "unknown":
                    self.unknown_ends.inc()
                if t.answered_at_ms is not None:
                    self.answered.labels(leg.role, trunk).inc()
                sign_ms = min((s for s in (t.rang_at_ms, t.early_at_ms, t.answered_at_ms) if s is not None), default=0)
                if sign_ms:
                    self.pdd.labels(trunk).observe(max(0, sign_ms - t.dialled_at_ms) / 1000)
