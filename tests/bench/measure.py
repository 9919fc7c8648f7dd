"""One round of calls on one side: paced, waited for, counted. And what is made of rounds: rates and memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from tests.bench import machine
from tests.bench.ground import LEAVES, STAYS, Ground
from tests.bench.sides import Attempt, Ours, Side, paced
from tests.bench.witness import SetUp, Witness
from tests.support import until

P99_MAX_MS = 1_000
PACE_KEPT = 0.95
CLEARS_WITHIN_S = 40
RETRIES = 1  # a rate that fails once is tried again: the machine is not ours alone


@dataclass(frozen=True)
class Round:
    side: str
    rate_per_s: float
    calls: int
    kept_rate_per_s: float
    failures: tuple[str, ...]
    cpu_ms_per_call: Mapping[str, float]
    set_ups: tuple[SetUp, ...]

    @property
    def p99_ms(self) -> float:
        return percentile([s.whole_ms for s in self.set_ups], 99)

    @property
    def is_sustained(self) -> bool:
        return (
            not self.failures and self.kept_rate_per_s >= PACE_KEPT * self.rate_per_s and self.p99_ms < P99_MAX_MS
        )  # fmt: skip


def percentile(values: list[float], percent: float) -> float:
    """Nearest rank; infinite where there is nothing."""
    if not values:
        return float("inf")
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100))]


@dataclass
class Bench:
    ground: Ground
    witness: Witness
    idle_ms_per_s: dict[str, float]

    async def round(self, side: Side, rate_per_s: float, calls: int) -> Round:
        """Ends when every call of it is over and settled."""
        attempts = [Attempt(*self.ground.next_pair(LEAVES)) for _ in range(calls)]
        charged_s = self._counted("ringbridge_charged_seconds_total")
        async with side:
            before = machine.cpu(self.ground.pids)
            kept = await paced(rate_per_s, attempts, side.place)
            left = await self._clear(attempts)
            after = machine.cpu(self.ground.pids)
        charged_s = self._counted("ringbridge_charged_seconds_total") - charged_s
        spent = after.since(before, self.idle_ms_per_s)
        found = [self.witness.set_up(attempt) for attempt in attempts]
        failures = [a.failure or "not bridged" for a, s in zip(attempts, found, strict=True) if s is None or a.failure]
        failures += ["not over"] * left
        if not failures and charged_s != side.charges_s * calls:
            failures.append(f"charged {charged_s:.0f} s, not {side.charges_s * calls}")
        return Round(
            side.name, rate_per_s, calls, kept, tuple(failures),
            {name: ms / calls for name, ms in spent.items()}, tuple(s for s in found if s is not None),
        )  # fmt: skip

    async def _clear(self, attempts: list[Attempt]) -> int:
        """How many calls are still there after a patient wait."""
        waiting = list(attempts)
        deadline_s = time.monotonic() + CLEARS_WITHIN_S
        while waiting and time.monotonic() < deadline_s:
            await asyncio.sleep(0.1)
            self.witness.read()
            waiting = [attempt for attempt in waiting if not self.witness.is_over(attempt)]
        await until(self._none_live, within_s=CLEARS_WITHIN_S, every_s=0.2)
        return len(waiting)

    def _none_live(self) -> bool:
        return self._counted("ringbridge_calls_live") == 0

    def _counted(self, metric: str) -> float:
        """What the app says of itself, summed over the labels."""
        lines = str(self.ground.app.ask("GET", "/metrics").body).splitlines()
        return sum(
            float(line.rpartition(" ")[2]) for line in lines if line.partition(" ")[0].partition("{")[0] == metric
        )

    async def sustains(self, side: Side, rate_per_s: float, for_s: float) -> tuple[bool, list[Round]]:
        rounds = []
        for _ in range(1 + RETRIES):
            rounds.append(await self.round(side, rate_per_s, max(1, round(rate_per_s * for_s))))
            if rounds[-1].is_sustained:
                break
        return rounds[-1].is_sustained, rounds


async def memory(bench: Bench, steps: tuple[int, ...], rate_per_s: float) -> dict[str, dict[str, float]]:
    """KB a live call, by number of live calls; silent phones that stay. Call first: memory once used is kept."""
    ours = Ours(bench.ground)
    watched = {name: bench.ground.pids[name] for name in ("asterisk", "app")}
    before = {name: machine.resident_kb(pid) for name, pid in watched.items()}
    live: list[Attempt] = []
    found: dict[str, dict[str, float]] = {}
    async with ours:
        for step in steps:
            more = [Attempt(*bench.ground.next_pair(STAYS)) for _ in range(step - len(live))]
            await paced(rate_per_s, more, ours.place)
            live += more
            await until(partial(_all_up, bench.witness, live), within_s=20, what=f"{step} live calls")
            now = {name: machine.resident_kb(pid) for name, pid in watched.items()}
            found[str(step)] = {f"{name}_kb_per_call": round((now[name] - before[name]) / step, 1) for name in watched}
        await paced(4 * rate_per_s, live, lambda attempt: ours.end(attempt.id))
        assert await bench._clear(live) == 0
    return {"before": {f"{name}_kb": kb for name, kb in before.items()}, **found}


def _all_up(witness: Witness, live: list[Attempt]) -> bool:
    witness.read()
    assert not [a.failure for a in live if a.failure], live[-1]
    return all(witness.set_up(attempt) is not None for attempt in live)
