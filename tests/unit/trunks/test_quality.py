"""ASR, ACD, PDD and NER of a trunk: from a day's sums, and lately, for metrics and alarms."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from ari_app.domain.costing import LegCost, sums_of
from ari_app.domain.quality import Quality, quality_of
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.http.doors import TrunkNow
from ari_app.metrics import Metrics
from ari_app.trunk_metrics import STEP_S, WINDOW_S, TrunkMetrics

AT_MS = 1_795_422_792_123
LEG = LegCost(
    leg="c1.callee.0", trunk="east", number="+8613900000001", dialled="8613900000001", payer="alice", team="",
    dialled_at_ms=AT_MS, rang_at_ms=AT_MS + 900, answered_at_ms=AT_MS + 4_000, ended_at_ms=AT_MS + 64_000,
    outcome="answered", cause=16, sip_status=200, price_micro_per_min=60_000, increment="60/60", currency="CNY",
    cost_micro=60_000, charged_s=60,
)  # fmt: skip


def ended(
    outcome: str, *, rang_ms: int | None = 900, sip_status: int | None = None, cause: int | None = None
) -> LegCost:
    rang_at_ms = None if rang_ms is None else AT_MS + rang_ms
    return replace(
        LEG, rang_at_ms=rang_at_ms, answered_at_ms=None, outcome=outcome, sip_status=sip_status, cause=cause,
        cost_micro=0,
    )  # fmt: skip


def quality(*legs: LegCost) -> Quality:
    total = Counter[str]()
    for leg in legs:
        total.update(sums_of(leg))
    return quality_of(total)


def test_asr_counts_answers_and_ner_what_the_network_brought_as_far_as_the_called_side() -> None:
    found = quality(
        LEG, ended("busy", sip_status=486), ended("no_answer"), ended("rejected", sip_status=603),
        ended("unreachable", rang_ms=None, sip_status=480), ended("trunk_failed", rang_ms=None, sip_status=503),
        ended("unknown", rang_ms=None), ended("cancelled", rang_ms=None),
    )  # fmt: skip
    assert (found.legs, found.answered, found.asr, found.ner) == (8, 1, 0.125, 0.625)


def test_a_phone_that_rang_and_was_given_up_by_the_caller_was_reached() -> None:
    assert quality(ended("cancelled")).ner == 1.0
    assert quality(ended("cancelled", rang_ms=None)).ner == 0.0


def test_acd_is_the_mean_talk_of_answered_legs_alone() -> None:
    assert quality(LEG, replace(LEG, ended_at_ms=AT_MS + 24_000), ended("busy")).acd_s == 40
    assert quality(ended("busy")).acd_s is None


def test_pdd_is_from_the_dial_to_the_first_sign_and_silence_has_none() -> None:
    at_once = replace(LEG, rang_at_ms=None, answered_at_ms=AT_MS + 100)  # answered without a ring
    found = quality(*[at_once] * 18, LEG, LEG, ended("trunk_failed", rang_ms=None))
    assert (found.pdd_ms, found.pdd_p50_ms, found.pdd_p95_ms) == (180, 100, 1_000)
    assert quality(ended("busy", rang_ms=60_000)).pdd_p95_ms == 10_000, "beyond the last step"


def test_failures_are_told_by_what_the_carrier_said() -> None:
    found = quality(
        ended("trunk_failed", sip_status=503), ended("trunk_failed", sip_status=503), ended("trunk_failed", cause=38),
        ended("trunk_failed", rang_ms=None), ended("busy", sip_status=486),
    )  # fmt: skip
    assert found.failures == {"SIP 503": 2, "cause 38": 1, "silence": 1}
    assert found.outcomes == {"busy": 1, "trunk_failed": 4}


def test_a_trunk_without_a_leg_has_no_figures() -> None:
    assert quality() == Quality()


def test_days_that_were_counted_before_there_were_these_figures_have_none_that_are_wrong() -> None:
    found = quality_of({"legs": 10, "answered": 4, "talk_s": 400})
    assert (found.asr, found.acd_s, found.ner, found.pdd_ms) == (0.4, 100, None, None)


# ---- lately ---------------------------------------------------------------------------------------------------------


class Clock:
    now_s = 1_000.0


@pytest.fixture
def lately() -> tuple[Metrics, Clock]:
    metrics, clock = Metrics(), Clock()
    metrics.of_trunks._now_s = lambda: clock.now_s
    return metrics, clock


def shown(metrics: Metrics, *trunks: Trunk, states: tuple[TrunkNow, ...] = ()) -> dict[str, float]:
    """Of the trunk east."""
    metrics.of_trunks.show(trunks or (Trunk("east", "x"),), states)
    lines = metrics.text().decode().splitlines()
    told = (line.split() for line in lines if line.startswith("ringbridge_trunk_") and '{trunk="east"}' in line)
    return {name.removeprefix("ringbridge_trunk_").partition("{")[0]: float(value) for name, value in told}


def test_alarms_go_by_the_last_quarter_of_an_hour(lately: tuple[Metrics, Clock]) -> None:
    metrics, clock = lately
    metrics.of_trunks.saw([LEG, ended("trunk_failed", sip_status=503)])
    found = shown(metrics)
    assert (found["recent_legs"], found["asr"], found["ner"], found["acd_seconds"]) == (2, 0.5, 0.5, 60)
    clock.now_s += WINDOW_S / 2
    metrics.of_trunks.saw([LEG, LEG])
    assert (shown(metrics)["recent_legs"], shown(metrics)["asr"]) == (4, 0.75)
    clock.now_s += WINDOW_S / 2
    assert (shown(metrics)["recent_legs"], shown(metrics)["asr"]) == (2, 1.0)
    clock.now_s += WINDOW_S
    assert shown(metrics)["recent_legs"] == 0
    assert "asr" not in shown(metrics)


def test_counters_go_on(lately: tuple[Metrics, Clock]) -> None:
    metrics, clock = lately
    metrics.of_trunks.saw([LEG])
    clock.now_s += 2 * WINDOW_S
    metrics.of_trunks.saw([LEG, ended("busy")])
    text = metrics.text().decode()
    assert 'ringbridge_trunk_legs_total{outcome="answered",trunk="east"} 2.0' in text
    assert 'ringbridge_trunk_talk_seconds_total{trunk="east"} 120.0' in text


def test_the_memory_of_a_busy_trunk_has_an_end() -> None:
    clock = Clock()
    busy = TrunkMetrics(CollectorRegistry(), lambda: clock.now_s)
    for _ in range(3_000):
        clock.now_s += 1
        busy.saw([LEG])
    assert len(busy._steps) <= WINDOW_S // STEP_S


def test_what_registers_is_shown_as_registered_or_not_and_what_nobody_knows_is_not_shown(
    lately: tuple[Metrics, Clock],
) -> None:
    metrics, _ = lately
    east = Trunk("east", "x", register=True, max_channels=30)
    assert shown(metrics, east, states=(TrunkNow("east", "up", registration="Registered"),))["registered"] == 1
    found = shown(metrics, east, states=(TrunkNow("east", "down", registration="Rejected"),))
    assert (found["registered"], found["lines_max"]) == (0, 30)
    assert "registered" not in shown(metrics, east, states=(TrunkNow("east"),))
    assert "lines_max" not in shown(metrics, Trunk("east", "x"))
