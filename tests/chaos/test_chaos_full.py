"""The full counts, for the soak: CHAOS_PART says which of its seeds; together they are 1,000 calls and 200 faults. And
two parts more: in one carriers fail and trunks are applied all the time; the other has every call type and every fault.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.faults import Limits
from tests.chaos.plan import make_plan
from tests.chaos.play import play

PARTS = 4
SECONDS, CALLS, FAULTS, STOP_S, STOP_OF_TRUNKS_S = 420, 260, 54, 60, 8
PART = int(os.environ.get("CHAOS_PART", "1"))
SEED = 100 * int(os.environ.get("SEED", "1")) + PART
APPS = 1 if PART < PARTS else 2
"""In the last parts two processes share the PBX: whenever one is killed or stopped the other takes over."""
TRUNKS, TYPES = PARTS + 1, PARTS + 2
CALLS_OF_TYPES, FAULTS_OF_TYPES = 190, 44
"""Many of these calls are of several phones; each fault comes twice."""
OF_TRUNKS = (
    "ApplyKilled", "CarrierGone", "CarrierKilled", "CarrierRefuses", "CarrierStopped", "TrunksApplied", "TrunksRefused",
    "TrunksTakenBack",
)  # fmt: skip
BESIDE = ("AppKilled", "AppStopped", "LinkReset", "PbxKilled", "RedisKilled")
ONLY = (*OF_TRUNKS, *BESIDE) if PART == TRUNKS else ()


@pytest.mark.soak("ten minutes; test_chaos_short.py has some of it")
def test_the_laws_hold_for_long(tmp_path: Path) -> None:
    limits = Limits(STOP_S if PART < TRUNKS else STOP_OF_TRUNKS_S)
    calls = CALLS_OF_TYPES if PART == TYPES else CALLS
    faults = FAULTS_OF_TYPES if PART == TYPES else FAULTS
    plan = make_plan(SEED, SECONDS, calls, faults, limits=limits, only=ONLY, each_type=PART == TYPES)
    verdict = play(plan, say, tmp_path, APPS)
    say(f"{calls} or more calls: seed {SEED}, {APPS} apps, part of {PARTS}: {verdict.last_word}")
    assert verdict.holds


def say(line: str) -> None:
    """For a soak's record."""
    print(line, flush=True)  # noqa: T201


def test_the_parts_add_up() -> None:
    assert PARTS * CALLS >= 1_000
    assert PARTS * FAULTS >= 200
