"""The fault suite in short: one of each of the faults that hurt most, and other trunks put in force, under traffic of
every call type over two carriers; and the audit of all of it.

`make chaos` has every kind, and minutes of it; the soak has the full counts.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.faults import Limits
from tests.chaos.plan import make_plan
from tests.chaos.play import play

SEED = int(os.environ.get("SEED", "1"))
KINDS = ("AppKilled", "EventsTwice", "LinkReset", "PbxKilled", "ReceiverFails", "RedisKilled", "TrunksApplied")


@pytest.mark.timeout(300)  # on a slow machine the faults take as long as the processes need to start
def test_the_laws_hold_under_faults(tmp_path: Path) -> None:
    plan = make_plan(
        SEED, 10, 11, len(KINDS), limits=Limits(stall_s_max=3, events_s_max=2.5), only=KINDS, each_type=True
    )
    told: list[str] = []
    verdict = play(plan, told.append, tmp_path, others=["south"])
    assert verdict.holds, "\n".join([*told, verdict.last_word])
