"""The fault suite in short: one of each of the faults that hurt most, under traffic, and the audit of all of it.

`make chaos` has every kind, and minutes of it; the soak has the full counts.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.chaos.faults import Limits
from tests.chaos.plan import make_plan
from tests.chaos.play import play

SEED = int(os.environ.get("SEED", "1"))
KINDS = ("AppKilled", "EventsTwice", "LinkReset", "LinkStalled", "PbxKilled", "RedisKilled")


def test_the_laws_hold_under_faults(tmp_path: Path) -> None:
    plan = make_plan(SEED, 10, 11, len(KINDS), limits=Limits(stall_s_max=3), only=KINDS)
    told: list[str] = []
    verdict = play(plan, told.append, tmp_path)
    assert verdict.holds, "\n".join([*told, verdict.last_word])
