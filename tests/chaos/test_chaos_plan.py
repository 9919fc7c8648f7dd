"""A seed tells all of a run's plan; kinds are found by being there."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ari_app.flows import flows
from tests.chaos import faults, traffic
from tests.chaos.discover import discover
from tests.chaos.faults import Fault, Limits
from tests.chaos.judging import judges
from tests.chaos.plan import Plan, make_plan
from tests.chaos.traffic import Traffic


def struck(plan: Plan) -> list[Fault]:
    return [fault for one in plan.faults for fault in (one.fault, one.second) if fault is not None]


def test_the_same_seed_plans_the_same_and_another_does_not() -> None:
    assert make_plan(7, 60, 50, 20) == make_plan(7, 60, 50, 20)
    assert make_plan(7, 60, 50, 20) != make_plan(8, 60, 50, 20)


def test_every_kind_of_fault_comes_equally_often() -> None:
    kinds = discover(faults, Fault)  # type: ignore[type-abstract]  # a base is what is looked for
    counted = Counter(type(fault).__name__ for fault in struck(make_plan(3, 100, 10, 3 * len(kinds))))
    assert counted == dict.fromkeys(kinds, 3)


def test_faults_and_traffic_of_the_purpose_are_there() -> None:
    assert {
        "AppKilled", "AppDeployed", "AppStopped", "PbxKilled", "CarrierGone", "RedisKilled", "RedisDiskFull",
        "RedisLinkCut", "RedisLinkStalled", "LinkReset", "LinkStalled", "LinkSlow", "EventsLate", "EventsTwice",
        "ClockStepped", "CarrierKilled", "CarrierStopped", "CarrierRefuses", "TrunksApplied", "TrunksRefused",
        "TrunksTakenBack", "ApplyKilled",
    } <= discover(faults, Fault).keys()  # type: ignore[type-abstract]  # likewise  # fmt: skip
    kinds = discover(traffic, Traffic)  # type: ignore[type-abstract]  # likewise
    assert {"Talk", "PhoneHangsUp", "Vanishes", "Unreached", "Cancelled", "ToppedUp"} <= kinds.keys()


def test_every_call_type_has_traffic_and_is_judged() -> None:
    kinds = discover(traffic, Traffic).values()  # type: ignore[type-abstract]  # likewise
    assert {kind.of for kind in kinds} == flows().keys()
    assert judges().keys() == flows().keys()


def test_a_plan_that_is_to_have_calls_of_each_type_has_them_first() -> None:
    types = flows().keys()
    for seed in range(20):
        first = make_plan(seed, 60, 50, 1, each_type=True).calls[: len(types)]
        assert {call.traffic.of for call in first} == types


def test_calls_come_at_a_steady_rate() -> None:
    times = [call.at_s for call in make_plan(1, 100, 50, 1).calls]
    assert [int(at_s // 2) for at_s in times] == list(range(50))


def test_only_the_faults_that_are_named() -> None:
    assert {type(fault).__name__ for fault in struck(make_plan(1, 60, 1, 9, only=["LinkReset"]))} == {"LinkReset"}
    with pytest.raises(ValueError, match="no such fault: Flood"):
        make_plan(1, 60, 1, 9, only=["Flood"])


def test_no_app_is_stopped_for_longer_than_is_allowed() -> None:
    kind = discover(faults, Fault)["AppStopped"]  # type: ignore[type-abstract]  # likewise
    rng = random.Random(1)
    lasts_s = [kind.draw(rng, Limits(60)).lasts_s for _ in range(300)]
    assert min(lasts_s) >= 1
    assert 50 < max(lasts_s) <= 60
    assert max(kind.draw(rng, Limits(4)).lasts_s for _ in range(300)) <= 4
