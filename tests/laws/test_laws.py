"""Every call type, found by discovery, lives through random schedules with crashes; the laws hold in each."""

from __future__ import annotations

import os

import pytest

from ari_app.flows import flows
from tests.laws.world import callback_call, play, trunk_test_call

MAKERS = {"callback": callback_call, "trunk_test": trunk_test_call}
RUNS = int(os.environ.get("RINGBRIDGE_LAW_RUNS", "150"))
SEED = int(os.environ.get("SEED", "1"))


def test_every_call_type_has_a_maker() -> None:
    assert flows().keys() == MAKERS.keys()


@pytest.mark.parametrize("call_type", sorted(MAKERS))
def test_laws_hold_over_random_schedules(call_type: str) -> None:
    flow = flows()[call_type]
    crashes = talked = 0
    for seed in range(SEED * 100_000, SEED * 100_000 + RUNS):
        report = play(seed, flow, MAKERS[call_type])
        crashes += report.crashes
        talked += report.talked + report.answered
    assert crashes > RUNS / 3, "the schedules are too kind: hardly a crash"
    assert talked > RUNS / 8, "the schedules are too rough: hardly a talk"
