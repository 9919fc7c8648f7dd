"""What operators see of notices. Names begin with ringbridge_; docs/metrics.md describes each one."""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from ari_app.desks.notice_people import NoticeWatch
from ari_app.domain.notices import Outcome


class NoticeMetrics:
    def __init__(self, registry: CollectorRegistry) -> None:
        r = registry
        self.tries = Counter("ringbridge_notice_tries", "Tries of recipients, by outcome", ["outcome"], registry=r)
        self.put_off = Counter("ringbridge_notice_put_off", "Recipients that could not be rung", ["why"], registry=r)
        self.open = Gauge("ringbridge_notices_open", "Notices that are not done, over all processes", registry=r)
        self.under_way = Gauge("ringbridge_notice_calls", "Recipients that are called now, likewise", registry=r)
        for outcome in get_args(Outcome):
            self.tries.labels(outcome)

    def watch(self) -> NoticeWatch:
        return NoticeWatch(
            tried=lambda outcome: self.tries.labels(outcome).inc(), put_off=lambda why: self.put_off.labels(why).inc(),
            counted=self._counted,
        )  # fmt: skip

    def _counted(self, open: int, under_way: int) -> None:
        self.open.set(open)
        self.under_way.set(under_way)
