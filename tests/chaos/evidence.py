"""The records of a run, side by side: our ledger, our call records and costs, Asterisk's CEL, what each carrier wrote
down; and what is left when all is over. Joins them, call by call; believes none and judges none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ari_app.ports.ledger import Account
from ari_app.stack.carrier import CarrierCall
from tests.chaos.desk import Asked
from tests.chaos.house import Blow
from tests.chaos.trunk_facts import TrunkFacts
from tests.ringbridge import now_ms

LEG = re.compile(r"^(c[0-9a-z]{26})\.(caller|callee)\.(\d+)$")
Shown = Mapping[str, Any]


@dataclass
class CelLeg:
    """One channel as the PBX wrote it down; times in ms, None: not written."""

    started_ms: int | None = None
    answered_ms: int | None = None
    hangup_ms: int | None = None
    starts: int = 0


@dataclass(frozen=True)
class Ring(CarrierCall):
    """An INVITE, and the carrier that had it, by the name of its trunk."""

    trunk: str = "carrier"

    @property
    def invite(self) -> str:
        """The same for one that was sent again."""
        return self.call_id or self.id


@dataclass(frozen=True)
class Left:
    """What still was there at the end, each by its name; and how long after the faults nothing was."""

    things: tuple[str, ...] = ()
    clear_after_s: float = 0.0


@dataclass(frozen=True)
class Evidence:
    asked: Sequence[Asked]
    shown: Mapping[str, Shown]
    """Every call of the API, by its id; those that nobody was answered for, too."""
    accounts: Mapping[str, Account]
    cel: Mapping[str, CelLeg]
    rings: Mapping[str, Sequence[Ring]]
    """By the number that was dialled, of all carriers."""
    blows: Sequence[Blow]
    owed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Call → channel → what was noted that its carrier is owed, in millionths."""
    left: Left = Left()
    trunks: TrunkFacts = field(default_factory=TrunkFacts)
    oddities: Sequence[str] = ()
    media_timeout_s: int = 4
    ring_timeout_s: int = 14


@dataclass(frozen=True)
class Tried:
    """One try of one leg. `passed_over`: why it was never dialled; "": it was."""

    role: str
    n: int
    trunk: str
    passed_over: str
    rings: Sequence[Ring]
    cel: CelLeg | None
    is_last: bool

    def __str__(self) -> str:
        return f"{self.role} by {self.trunk}"


@dataclass
class Case:
    """One call in all records. `asked` is None for a call of which nobody was told."""

    asked: Asked | None
    shown: Shown
    cel: dict[str, CelLeg] = field(default_factory=dict)
    """By role; of several tries the last."""
    channels: dict[str, CelLeg] = field(default_factory=dict)
    """By `<role>.<try>`."""
    rings: dict[str, Sequence[Ring]] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    blows: list[Blow] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.shown["id"])

    @property
    def reason(self) -> str:
        return str(self.shown.get("reason"))

    @property
    def used_ms(self) -> int:
        return 1000 * (int(self.shown["charged_s"]) + int(self.shown["overrun_s"]))

    @property
    def legs(self) -> dict[str, Shown]:
        return {leg["role"]: leg for leg in self.shown["legs"]}

    def tries(self) -> Iterator[Tried]:
        for role, leg in self.legs.items():
            for n, trunk in enumerate(leg["tried"]):
                rings = [ring for ring in self.rings[role] if ring.trunk == trunk]
                yield Tried(
                    role, n, trunk, leg.get("passed_over", {}).get(trunk, ""), rings, self.channels.get(f"{role}.{n}"),
                    is_last=n == len(leg["tried"]) - 1,
                )  # fmt: skip

    def lost_a_carrier(self) -> bool:
        """One over which it went was away."""
        return self.hit_by(*(trunk for leg in self.legs.values() for trunk in leg["tried"]))

    def phone(self, role: str) -> int:
        """What the number of this role is known to do: by its last two digits."""
        return int(self.numbers[role][-2:])

    def killed_at_ms(self) -> int | None:
        """When the PBX died under it, at the latest."""
        return min((blow.struck_ms or blow.from_ms for blow in self.blows if "pbx" in blow.targets), default=None)

    def end_ms(self, role: str) -> int | None:
        """By CEL, or the death of the PBX that would have written it."""
        leg = self.cel.get(role)
        if leg is None or leg.started_ms is None:
            return None
        return leg.hangup_ms or self.killed_at_ms()

    def talk_ms(self) -> int:
        """From the callee's answer to the first hang-up, by CEL."""
        callee = self.cel.get("callee")
        if callee is None or callee.answered_ms is None:
            return 0
        ends = [end for role in ("caller", "callee") if (end := self.end_ms(role)) is not None]
        return max(0, min(ends) - callee.answered_ms) if ends else 0

    def were_both_up(self) -> bool:
        callee, caller_end = self.cel.get("callee"), self.end_ms("caller")
        began = callee.answered_ms if callee is not None else None
        return began is not None and (caller_end is None or caller_end > began)

    def hit_by(self, *targets: str) -> bool:
        return any(blow.targets & set(targets) for blow in self.blows)

    def __str__(self) -> str:
        what = self.asked.story if self.asked is not None else "a call nobody was told of"
        hits = ", ".join(blow.story for blow in self.blows) or "no fault"
        return f"{self.id} ({what}; {hits})"


def cases(e: Evidence) -> list[Case]:
    by_id = {id: asked for asked in e.asked for id in asked.ids}
    by_number = {asked.who.number: asked for asked in e.asked}
    found = []
    for id, shown in e.shown.items():
        numbers = {leg["role"]: leg["number"] for leg in shown["legs"]}
        case = Case(by_id.get(id) or by_number.get(numbers.get("caller", "")), shown, numbers=numbers)
        case.rings = {role: e.rings.get(number, ()) for role, number in numbers.items()}
        found.append(case)
    by_call = {case.id: case for case in found}
    for channel, leg in sorted(e.cel.items()):
        if (named := LEG.match(channel)) and named[1] in by_call:
            by_call[named[1]].cel[named[2]] = leg
            by_call[named[1]].channels[f"{named[2]}.{named[3]}"] = leg
    for case in found:
        case.blows = _blows_of(case, e.blows)
    return found


def _blows_of(case: Case, blows: Sequence[Blow]) -> list[Blow]:
    """What befell the house from the first request to the end of the last phone."""
    legs = case.cel.values()
    starts = [leg.started_ms for leg in legs if leg.started_ms is not None]
    from_ms = case.asked.at_ms if case.asked is not None else min(starts, default=0)
    has_open_end = any(leg.hangup_ms is None for leg in legs) or not case.cel
    seen_ms = case.asked.shown_at_ms if case.asked is not None and case.asked.shown_at_ms else now_ms()
    until_ms = seen_ms if has_open_end else max(leg.hangup_ms or 0 for leg in legs)
    return [blow for blow in blows if blow.touches(from_ms, until_ms)]
