"""What happens in a run, and when: drawn from the seed alone. The same seed gives the same calls and the same faults,
at the same times of the plan; how far real processes have come at each of these moments is never quite the same.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tests.chaos import faults, traffic
from tests.chaos.discover import discover
from tests.chaos.faults import Fault, Limits
from tests.chaos.traffic import Traffic

FIRST_FAULT_S = 3.0
SPARE = 4
TOGETHER = 0.2
"""How often a fault strikes while another one lasts."""


@dataclass(frozen=True)
class PlannedCall:
    at_s: float
    traffic: Traffic


@dataclass(frozen=True)
class PlannedFault:
    at_s: float
    fault: Fault
    second: Fault | None = None
    """Strikes in the midst of it."""


@dataclass(frozen=True)
class Plan:
    seed: int
    calls: tuple[PlannedCall, ...]
    spare: tuple[PlannedCall, ...]
    """More of them at the same rate, for as long as the faults take longer than was planned."""
    faults: tuple[PlannedFault, ...]

    def told(self) -> list[tuple[float, str]]:
        """In the order of time."""
        calls = [(one.at_s, str(one.traffic)) for one in self.calls]
        faults_ = [(one.at_s, f"{one.fault}" + (f", with {one.second}" if one.second else "")) for one in self.faults]
        return sorted(calls + faults_)

    @property
    def fault_count(self) -> int:
        return sum(1 if one.second is None else 2 for one in self.faults)


def make_plan(
    seed: int, seconds: float, calls: int, faults_wanted: int, *, limits: Limits | None = None,
    only: Collection[str] = (), each_type: bool = False,
) -> Plan:  # fmt: skip
    """`only`: names of the kinds of faults; all, where none is named. `each_type`: calls of every type come first."""
    placed = _calls(seed, seconds / max(1, calls), SPARE * calls, each_type=each_type)
    return Plan(
        seed, placed[:calls], placed[calls:], _faults(seed, seconds, faults_wanted, limits or Limits(), only)
    )  # fmt: skip


def _calls(seed: int, beat_s: float, count: int, *, each_type: bool) -> tuple[PlannedCall, ...]:
    """At a steady rate, each a little off its beat."""
    rng = random.Random(f"calls {seed}")
    kinds = list(discover(traffic, Traffic).values())  # type: ignore[type-abstract]  # a base is what is looked for
    weights = [kind.weight() for kind in kinds]
    first = _one_of_each_type(rng, kinds) if each_type else []
    return tuple(
        PlannedCall(
            round((n + rng.random()) * beat_s, 2),
            (first[n] if n < len(first) else rng.choices(kinds, weights)[0]).draw(rng),
        )
        for n in range(count)
    )


def _one_of_each_type(rng: random.Random, kinds: Sequence[type[Traffic]]) -> list[type[Traffic]]:
    types = sorted({kind.of for kind in kinds})
    return [rng.choice([kind for kind in kinds if kind.of == of]) for of in rng.sample(types, len(types))]


def _faults(
    seed: int, seconds: float, count: int, limits: Limits, only: Collection[str]
) -> tuple[PlannedFault, ...]:  # fmt: skip
    """Every kind as often as every other, in a random order."""
    rng = random.Random(f"faults {seed}")
    kinds = discover(faults, Fault)  # type: ignore[type-abstract]  # likewise
    if unknown := set(only) - kinds.keys():
        raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(kinds)}")
    chosen = [kind for name, kind in kinds.items() if not only or name in only]
    drawn: list[Fault] = []
    while len(drawn) < count:
        drawn += [kind.draw(rng, limits) for kind in rng.sample(chosen, len(chosen))]
    return _in_time(rng, drawn[:count], seconds)


def _in_time(rng: random.Random, drawn: list[Fault], seconds: float) -> tuple[PlannedFault, ...]:
    beat_s, found = (seconds - FIRST_FAULT_S) / max(1, len(drawn)), list[PlannedFault]()
    left = list(enumerate(drawn))
    while left:
        n, fault = left.pop(0)
        second = left.pop(0)[1] if left and fault.lasts_s >= 1 and rng.random() < TOGETHER else None
        found.append(PlannedFault(round(FIRST_FAULT_S + (n + rng.random() / 2) * beat_s, 2), fault, second))
    return tuple(found)
