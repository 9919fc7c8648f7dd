"""One run from the plan to the verdict, for the command, the tests and the soak alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.auditor import Audit, audit
from tests.chaos.carriers import OTHERS
from tests.chaos.figures import by_kind, by_reason, by_receiver, by_type, figures
from tests.chaos.gathering import gather
from tests.chaos.house import chaos_house
from tests.chaos.plan import Plan
from tests.chaos.run import Run
from tests.chaos.trunk_run_laws import of_trunks

TOLD_MAX = 40


@dataclass(frozen=True)
class Verdict:
    audit: Audit
    last_word: str

    @property
    def holds(self) -> bool:
        return not self.audit.broken


def play(
    plan: Plan, say: Callable[[str], None], home: Path | None = None, apps: int = 1, others: Sequence[str] = OTHERS,
    **settings: str,
) -> Verdict:  # fmt: skip
    """`others`: the carriers beside the embedded one."""
    home = home or Path(tempfile.mkdtemp(prefix="chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    say(f"seed {plan.seed}: {len(plan.calls)} calls and {plan.fault_count} faults; logs and records in {home}")
    with chaos_house(home, apps, others, **settings) as house:
        book = Run(house, plan, say).go()
        evidence = gather(house, book)
        deaths, strange = house.deaths(), house.strange_words()
    found = audit(evidence)
    all_cases = list(found.cases)
    summary = figures(evidence, all_cases)
    say(f"faults: {by_kind(evidence)}")
    say(f"calls: {by_reason(all_cases)}")
    say(f"types: {by_type(evidence, all_cases)}")
    say(f"told: {by_receiver(evidence)}")
    say(of_trunks(evidence))
    for death in deaths:
        say(f"an app ended by itself, and was started again: {death}")
    for word in strange[:TOLD_MAX]:
        say(f"no line of a log: {word}")
    for sentence in found.broken[:TOLD_MAX]:
        say(f"BROKEN {sentence}")
    if found.broken:
        return Verdict(found, f"laws broken: {len(found.broken)} times, seed {plan.seed}: {summary}")
    return Verdict(found, f"laws hold: {summary}")
