"""A month with known differences of each class put into its bill, and what must be found for each of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from pathlib import Path

from ari_app.domain.billing_match import USUAL, Class
from ari_app.domain.costing import LegCost
from ari_app.domain.units import Increment, billed_s, cost_micro
from tests.unit.settling.bills import FROM_MS, MONTH_MS, Line, Way, cel_rows, leg, line_of, some_legs, write, write_cel

SKEW_MS = 3400
WAY = Way(time="epoch_ms", duration="ms", separator=",")
KINDS = (
    "not billed", "billed longer, rightly", "billed longer, wrongly", "dearer", "rounded otherwise", "billed twice",
    "contradicts itself", "lost by us", "invented", "nonsense",
)  # fmt: skip


@dataclass
class Month:
    legs: list[LegCost]
    lines: list[tuple[Line, str]] = field(default_factory=list)  # with its leg, or a name of its own
    cel: list[str] = field(default_factory=list)
    expected: dict[str, Class] = field(default_factory=dict)  # leg, or that name → class; absent: agreed
    wrong_micro: int = 0  # what the bill asks too much

    def write(self, folder: Path, seed: int) -> tuple[Path, Path, dict[int, str]]:
        """The bill in no order, Asterisk's record, and which line of the bill is whose."""
        random.Random(seed).shuffle(self.lines)
        bill = write(folder / "bill.csv", [line for line, _ in self.lines], WAY)
        return bill, write_cel(folder / "cel.csv", self.cel), {n: whose for n, (_, whose) in enumerate(self.lines, 2)}


def month(count: int, seed: int, each: int) -> Month:
    """`each`: how many of every kind."""
    chance = random.Random(seed)
    made = Month(some_legs(count, seed))
    answered = [one for one in made.legs if one.answered_at_ms is not None and one.talk_ms > 3000]
    chosen = chance.sample(answered, each * len(KINDS))
    kinds = {one.leg: KINDS[n % len(KINDS)] for n, one in enumerate(chosen)}
    for one in made.legs:
        _put(made, one, kinds.get(one.leg, ""), chance)
    return made


def _put(made: Month, one: LegCost, kind: str, chance: random.Random) -> None:
    line, seen_ms = _billed(one, chance), one.talk_ms
    match kind:
        case "not billed":
            made.expected[one.leg] = Class.MISSING_THERE
            made.wrong_micro -= one.cost_micro
        case "billed longer, rightly" | "billed longer, wrongly":
            talk_ms = _longer_ms(one, chance)
            line = replace(line, talk_ms=talk_ms, cost_micro=_cost(one, talk_ms))
            is_right = kind.endswith("rightly")
            seen_ms = talk_ms if is_right else one.talk_ms
            made.expected[one.leg] = Class.DURATION_DIFFERS if is_right else Class.DISPUTED
        case "dearer":
            rate = one.price_micro_per_min * chance.randrange(103, 180) // 100
            cost = cost_micro(one.talk_ms, rate, Increment.parse(one.increment))
            line = replace(line, rate_micro=rate, cost_micro=cost)
            made.expected[one.leg] = Class.RATE_DIFFERS
        case "rounded otherwise":
            if other := [
                o for o in USUAL if abs(cost_micro(one.talk_ms, one.price_micro_per_min, o) - one.cost_micro) > 1
            ]:
                by = chance.choice(other)
                line = replace(line, cost_micro=cost_micro(one.talk_ms, one.price_micro_per_min, by))
                made.expected[one.leg] = Class.ROUNDING
        case "billed twice":
            made.lines.append((line, f"twice {one.leg}"))
            made.expected[f"twice {one.leg}"] = Class.DISPUTED
            made.wrong_micro += line.cost_micro
        case "contradicts itself":
            line = replace(line, cost_micro=5 * line.cost_micro + 777)
            made.expected[one.leg] = Class.DISPUTED
        case "lost by us" | "invented" | "nonsense":
            _strange(made, kind, chance)
    if kind != "not billed" and (one.answered_at_ms is not None or chance.random() < 0.3):
        made.lines.append((line, one.leg))
        made.wrong_micro += line.cost_micro - one.cost_micro
    made.cel += cel_rows(one, seen_ms)


def _billed(one: LegCost, chance: random.Random) -> Line:
    """As a carrier's own clocks have it."""
    return line_of(one, at_ms=one.at_ms + SKEW_MS + chance.randrange(-400, 401), talk_ms=max(0, one.talk_ms))


def _longer_ms(one: LegCost, chance: random.Random) -> int:
    """Not so much longer that it is what is billed of it anyway."""
    longer = (one.talk_ms + chance.randrange(5_000, 400_000) for _ in range(100))
    return next(
        talk_ms for talk_ms in longer if talk_ms != 1000 * billed_s(one.talk_ms, Increment.parse(one.increment))
    )


def _cost(one: LegCost, talk_ms: int) -> int:
    return cost_micro(talk_ms, one.price_micro_per_min, Increment.parse(one.increment))


def _strange(made: Month, kind: str, chance: random.Random) -> None:
    """A line that is none of our legs; the numbers of these are nobody else's."""
    name = f"{kind} {len(made.lines)}"
    if kind == "nonsense":
        raw = chance.choice(("total,1,2,3", "OUT,none,0,0,0,0,CNY", 'OUT,"', "OUT,+8613900000001,yesterday,1,1,1,CNY"))
        made.lines.append((Line("", 0, 0, 0, 0, raw=raw), name))
        made.expected[name] = Class.UNREADABLE
        return
    # a second of its own, so that no other lost call excuses an invented one
    at_ms = FROM_MS + chance.randrange(MONTH_MS // 2) + (MONTH_MS // 2 if kind == "invented" else 0)
    other = leg(
        name.replace(" ", "-"),
        f"+8615{len(made.lines):09d}",
        min(max(at_ms, FROM_MS + 300_000), FROM_MS + MONTH_MS - 300_000),
    )
    line = _billed(other, chance)
    made.lines.append((line, name))
    made.wrong_micro += line.cost_micro
    if kind == "lost by us":
        made.cel += cel_rows(other)
        made.expected[name] = Class.MISSING_HERE
    else:
        made.expected[name] = Class.DISPUTED
