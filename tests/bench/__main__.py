"""`python -m tests.bench [--quick]`: runs everything in turns, writes bench.json, prints a table. Order only."""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import machine, report
from tests.bench.ground import Ground, add_users, ground
from tests.bench.ledger import bench_ledger
from tests.bench.measure import Bench, Round, memory
from tests.bench.sides import Bare, Ours, Side
from tests.bench.witness import Witness

BUSY_LOAD = 0.7
RATE_PER_S = 20.0
LADDER_PER_S = (40, 60, 80, 90, 98, 105, 112, 120, 130, 140, 150, 160, 170, 180, 190, 200, 230, 260, 300)


@dataclass(frozen=True)
class Size:
    """How long is measured. `search_s`: no new rate is begun after so long."""

    rounds: int
    calls: int
    live: tuple[int, ...]
    idle_s: float
    window_s: float
    search_s: float
    ledger_pairs: int
    ledger_rounds: int


FULL = Size(rounds=4, calls=200, live=(10, 100, 400), idle_s=4, window_s=5, search_s=240, ledger_pairs=3_000,
            ledger_rounds=9)  # fmt: skip
QUICK = Size(rounds=1, calls=100, live=(10,), idle_s=2, window_s=2.5, search_s=25, ledger_pairs=3_000, ledger_rounds=3)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def in_turns(bench: Bench, sides: tuple[Callable[[], Side], ...], size: Size) -> list[Round]:
    """a/b, b/a, a/b …: what disturbs the machine for a while hits both."""
    for side in sides:  # both once, not counted: caches, lazily made pools
        await bench.round(side(), RATE_PER_S, 20)
    done = []
    for n in range(size.rounds):
        for side in sides if n % 2 == 0 else sides[::-1]:
            done.append(await bench.round(side(), RATE_PER_S, size.calls))
            say(report.line(done[-1]))
    return done


async def highest(bench: Bench, sides: tuple[Callable[[], Side], ...], size: Size) -> tuple[dict[str, float], Any]:
    """The highest rate each side sustains, both at each step of the ladder before the next; then once in between."""
    best: dict[str, float] = {side().name: 0.0 for side in sides}
    rising = list(sides)
    tried: list[dict[str, Any]] = []
    deadline_s = time.monotonic() + size.search_s

    async def holds(side: Callable[[], Side], at_per_s: float) -> bool:
        is_sustained, rounds = await bench.sustains(side(), at_per_s, size.window_s)
        for one in rounds:
            say(report.line(one))
            tried.append(report.tried(one))
        if is_sustained:
            best[side().name] = at_per_s
        return is_sustained

    for rate_per_s in LADDER_PER_S:
        for side in list(rising):
            if time.monotonic() > deadline_s:
                continue
            if not await holds(side, rate_per_s):
                rising.remove(side)
                await holds(side, (best[side().name] + rate_per_s) / 2)
    return best, {"tried": tried, "ended_by_time": [side().name for side in rising]}


async def measure(on: Ground, size: Size, result: dict[str, Any]) -> None:
    await add_users(on.app)
    say("idle ...")
    bench = Bench(on, Witness(on.info), machine.idle_ms_per_s(on.pids, size.idle_s))
    result["idle_ms_per_s"] = bench.idle_ms_per_s
    say("memory ...")
    result["memory"] = await memory(bench, size.live, RATE_PER_S)
    sides: tuple[Callable[[], Side], ...] = (lambda: Bare(on.info), lambda: Ours(on))
    say(f"rounds at {RATE_PER_S:.0f} calls/s ...")
    result |= report.of_rounds(await in_turns(bench, sides, size))
    say("highest rate ...")
    best, raw = await highest(bench, sides, size)
    result |= report.of_rates(best, raw)


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    options.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under 90 s, and rougher")
    options.add_argument("--no-ledger", action="store_true", help="calls only")
    asked = options.parse_args()
    size = QUICK if asked.quick else FULL
    began_s, load = time.monotonic(), machine.load_average()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    result: dict[str, Any] = {
        "at": time.strftime("%FT%TZ", time.gmtime()), "commit": commit, "python": platform.python_version(),
        "load_before": load, "quick": asked.quick,
    }  # fmt: skip
    say(f"load average before: {load:.2f}" + (" - the machine is busy: repeat when idle" if load > BUSY_LOAD else ""))
    with tempfile.TemporaryDirectory(prefix="ringbridge-bench") as home, ground(Path(home)) as on:
        asyncio.run(measure(on, size, result))
    if not asked.no_ledger:
        say("ledger ...")
        result["ledger"] = bench_ledger(size.ledger_pairs, size.ledger_rounds)
    result["load_after"] = machine.load_average()
    result["took_s"] = round(time.monotonic() - began_s)
    whole = report.finished(result)
    Path("bench.json").write_text(json.dumps(whole, indent=2) + "\n")
    say(report.table(whole))


if __name__ == "__main__":
    main()
