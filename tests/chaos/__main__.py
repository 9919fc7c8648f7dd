"""`SEED=n make chaos`: mixed traffic on a real stack while faults strike at random, and an audit at the end.

The same seed plans the same calls and faults. How far the real processes have come at each moment is never quite the
same, so a failure that hangs on a moment may need a few runs. Ends with one line, `laws hold: …` or `laws broken: …`,
and the exit code that goes with it.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.chaos.faults import Limits
from tests.chaos.plan import make_plan
from tests.chaos.play import play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=120, help="over which calls and faults are spread")
    parser.add_argument("--calls", type=int, default=120)
    parser.add_argument("--faults", type=int, default=24)
    parser.add_argument("--only", default="", help="kinds of faults, with commas between them; all by default")
    parser.add_argument("--stop-s", type=float, default=6, help="the longest for which an app is stopped")
    parser.add_argument("--apps", type=int, default=1, help="app processes, which share the PBX by its lease")
    parser.add_argument("--home", type=Path, help="an empty directory for logs and records; kept")
    parser.add_argument("--plan", action="store_true", help="say what is planned, and do nothing")
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    try:
        plan = make_plan(
            asked.seed, asked.seconds, asked.calls, asked.faults, limits=Limits(asked.stop_s), only=only
        )  # fmt: skip
    except ValueError as why:
        parser.error(str(why))
    if asked.plan:
        for at_s, what in plan.told():
            say(f"{at_s:6.1f} s: {what}")
        return 0
    os.environ.setdefault("CI", "true")  # a server that cannot be had is a failure here
    verdict = play(plan, say, asked.home, asked.apps)
    say(verdict.last_word)
    return 0 if verdict.holds else 1


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what a person is told


if __name__ == "__main__":
    sys.exit(main())
