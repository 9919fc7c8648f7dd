"""A whole month: every difference that was put into the bill is found and rightly named, and none is invented."""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

from ari_app.domain.billing_match import Class
from ari_app.trunk_tools.settlement import Difference
from tests.ground import SOAK
from tests.unit.settling.bills import settled
from tests.unit.settling.months import SKEW_MS, WAY, Month, month

SEED = int(os.environ.get("SEED", "1"))
LEGS = 100_000 if SOAK else 3_000


def found_by_name(differences: list[Difference], whose: dict[int, str]) -> Counter[tuple[str, Class]]:
    """Of a line that is billed twice either one may be the repeated one."""
    names: Counter[tuple[str, Class]] = Counter()
    for one in differences:
        name = one.ours.leg if one.ours else whose[one.line]
        if one.why.startswith("billed twice"):
            name = f"twice {name.removeprefix('twice ')}"
        names[name, one.what] += 1
    return names


def check(made: Month, folder: Path, seed: int) -> int:
    bill, cel, whose = made.write(folder, seed)
    found, differences = settled(bill, made.legs, WAY.profile(), cel=(cel,))

    assert found_by_name(differences, whose) == Counter(made.expected.items())
    assert abs(found.skew_ms - SKEW_MS) < 50
    assert found.count(Class.AGREED) == len(made.lines) - sum(
        w is not Class.MISSING_THERE for w in made.expected.values()
    )
    total = found.totals()["CNY"]
    assert total.their_micro - total.our_micro == made.wrong_micro == sum(one.micro for one in differences)
    assert total.our_micro == sum(leg.cost_micro for leg in made.legs)
    return len(differences)


def test_every_difference_is_found_and_rightly_named_and_none_is_invented(tmp_path: Path) -> None:
    made = month(LEGS, SEED, each=LEGS // 150)
    classes = Counter(made.expected.values())
    assert set(classes) == set(Class) - {Class.AGREED}

    found = check(made, tmp_path, SEED)

    print(f"settled calls: {LEGS}, lines of the bill: {len(made.lines)}, differences: {found}, {dict(classes)}")  # noqa: T201


def test_in_whatever_order_the_bill_and_the_legs_come_the_same_is_found(tmp_path: Path) -> None:
    made = month(600, SEED + 1, each=4)
    for seed in range(3):
        check(made, tmp_path, seed)
        random.Random(seed).shuffle(made.legs)
