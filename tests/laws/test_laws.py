"""Every call type, found by discovery, lives through random schedules with crashes; the laws hold in each."""

from __future__ import annotations

import os

import pytest

from ari_app.flows import flows
from tests.laws.maker import Maker, maker_of, types_with_makers
from tests.laws.world import play

RUNS = int(os.environ.get("RINGBRIDGE_LAW_RUNS", "0"))
SEED = int(os.environ.get("SEED", "1"))


def test_every_call_type_has_a_maker() -> None:
    assert flows().keys() == types_with_makers()


@pytest.mark.parametrize("call_type", sorted(flows()))
def test_laws_hold_over_random_schedules(call_type: str) -> None:
    hold_over_random_schedules(call_type, maker_of(call_type))


def hold_over_random_schedules(call_type: str, maker: Maker) -> None:
    flow, runs = flows()[call_type], RUNS or maker.runs
    crashes = talked = 0
    for seed in range(SEED * 100_000, SEED * 100_000 + runs):
        report = play(seed, flow, maker)
        crashes += report.crashes
        talked += report.talked + report.answered
    assert crashes > runs / 3, "the schedules are too kind: hardly a crash"
    assert talked > runs / 8, "the schedules are too rough: hardly a talk"
