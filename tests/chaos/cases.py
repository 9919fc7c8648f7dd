"""Each call in all records: what the API shows of it, its channels in CEL, its INVITEs at the carriers, what was asked
for it, and what befell the house meanwhile. Joins records; judges none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ari_app.entrypoints.views import at_ms
from tests.chaos.asked import Asked
from tests.chaos.evidence import LEG, CelLeg, Evidence, Ring, Shown
from tests.chaos.house import Blow
from tests.ringbridge import now_ms

CAME_IN = "came_in"
"""Why a leg shows what it does: nobody rang it, it called us."""
LONGEST_S = 30
"""Of any talk: the house's MAX_DURATION_S."""
BEFORE_MS = 200
"""A channel may be written down so much later than the carrier has its INVITE."""


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
    came_in: bool = False

    def __str__(self) -> str:
        return f"{self.role} by {self.trunk}"


@dataclass(frozen=True)
class Span:
    """Of a leg that is charged: from when to when, by CEL, or the death of the PBX that would have written it."""

    role: str
    from_ms: int
    until_ms: int
    was_silent: bool = False
    """No sound came any more; charged is what was heard."""
    may_be_silent: bool = False

    @property
    def ms(self) -> int:
        return max(0, self.until_ms - self.from_ms)


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
    """By role; of one that called us, its call."""
    numbers: dict[str, str] = field(default_factory=dict)
    blows: list[Blow] = field(default_factory=list)

    @property
    def id(self) -> str:
        return str(self.shown["id"])

    @property
    def type(self) -> str:
        return str(self.shown.get("type", "callback"))

    @property
    def reason(self) -> str:
        return str(self.shown.get("reason"))

    @property
    def used_ms(self) -> int:
        return 1000 * (int(self.shown["charged_s"]) + int(self.shown["overrun_s"]))

    @property
    def legs(self) -> dict[str, Shown]:
        return {leg["role"]: leg for leg in self.shown["legs"]}

    @property
    def hung_up_at_ms(self) -> int | None:
        """When somebody asked over the API for its end first."""
        return None if self.asked is None else self.asked.hung_ups.get(self.id)

    @property
    def longest_s(self) -> int:
        """That was asked for; one that nobody asked for in words has the longest of all."""
        is_asked = self.asked is not None and self.id in self.asked.ids
        return self.asked.longest_s if is_asked and self.asked is not None else LONGEST_S

    def came_in(self, role: str) -> bool:
        return bool(self.legs[role].get("why") == CAME_IN)

    def tries(self) -> Iterator[Tried]:
        for role, leg in self.legs.items():
            for n, trunk in enumerate(leg["tried"]):
                rings = [ring for ring in self.rings[role] if ring.trunk == trunk]
                yield Tried(
                    role, n, trunk, leg.get("passed_over", {}).get(trunk, ""), rings, self.channels.get(f"{role}.{n}"),
                    is_last=n == len(leg["tried"]) - 1, came_in=self.came_in(role),
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
        return sum(span.ms for span in self.conversation())

    def conversation(self) -> list[Span]:
        """What is charged once for both of two who talk."""
        callee = self.cel.get("callee")
        if callee is None or callee.answered_ms is None:
            return []
        ends = [end for role in ("caller", "callee") if (end := self.end_ms(role)) is not None]
        silent = self.reason == "media_lost"
        return [Span("callee", callee.answered_ms, min(ends), silent, silent)] if ends else []

    def each_leg(self) -> list[Span]:
        """What is charged of each phone that we rang."""
        found = []
        for role, leg in self.cel.items():
            end_ms = self.end_ms(role)
            if role in self.legs and leg.answered_ms is not None and end_ms is not None and not self.came_in(role):
                silent = self.legs[role].get("cause") == MEDIA_LOST
                may_be = self.hit_by(*self.legs[role]["tried"]) or self.phone(role) == MUTE
                found.append(Span(role, leg.answered_ms, end_ms, silent, silent or may_be))
        return found

    def were_both_up(self) -> bool:
        callee, caller_end = self.cel.get("callee"), self.end_ms("caller")
        began = callee.answered_ms if callee is not None else None
        return began is not None and (caller_end is None or caller_end > began)

    def hit_by(self, *targets: str) -> bool:
        return any(blow.targets & set(targets) for blow in self.blows)

    def __str__(self) -> str:
        what = self.asked.story if self.asked is not None else "a call nobody was told of"
        hits = ", ".join(blow.story for blow in self.blows) or "no fault"
        return f"{self.id} ({self.type} of {what}; {hits})"


MEDIA_LOST, MUTE = 44, 34
"""The cause of a leg that was taken down for want of sound; and a phone that is gone when it has answered."""


def cases(e: Evidence) -> list[Case]:
    by_id = {id: asked for asked in e.asked for id in asked.ids}
    by_number = {number: asked for asked in e.asked for number in (asked.who.number, *asked.numbers)}
    found = []
    for id, shown in e.shown.items():
        numbers = {leg["role"]: leg["number"] for leg in shown["legs"]}
        asked = by_id.get(id) or next((by_number[one] for one in numbers.values() if one in by_number), None)
        found.append(Case(asked, shown, numbers=numbers))
    by_call = {case.id: case for case in found}
    for channel, leg in sorted(e.cel.items()):
        if (named := LEG.match(channel)) and named[1] in by_call:
            by_call[named[1]].cel[named[2]] = leg
            by_call[named[1]].channels[f"{named[2]}.{named[3]}"] = leg
    _give_rings(e, found)
    for case in found:
        case.blows = _blows_of(case, e.blows)
    return found


def _give_rings(e: Evidence, found: Sequence[Case]) -> None:
    """Whose an INVITE is: of the one leg that has this number; of several, that whose channel over this trunk was made
    last before it."""
    sharing: dict[str, list[tuple[Case, str]]] = defaultdict(list)
    for case in found:
        for role, number in case.numbers.items():
            case.rings[role] = e.arrivals.get(number, ()) if case.came_in(role) else []
            if not case.came_in(role):
                sharing[number].append((case, role))
    for number, legs in sharing.items():
        if len(legs) == 1:
            legs[0][0].rings[legs[0][1]] = e.rings.get(number, ())
            continue
        first_ms: dict[str, int] = {}
        for ring in e.rings.get(number, ()):
            first_ms[ring.invite] = min(first_ms.get(ring.invite, ring.invited_at_ms), ring.invited_at_ms)
        for ring in e.rings.get(number, ()):
            case, role = _whose(legs, ring.trunk, first_ms[ring.invite])
            case.rings[role] = [*case.rings[role], ring]


def _whose(legs: Sequence[tuple[Case, str]], trunk: str, at: int) -> tuple[Case, str]:
    def made_ms(one: tuple[Case, str]) -> int:
        case, role = one
        tried = case.legs[role]["tried"]
        channels = [case.channels.get(f"{role}.{n}") for n, over in enumerate(tried) if over == trunk]
        starts = [leg.started_ms for leg in channels if leg is not None and leg.started_ms is not None]
        return max((start for start in starts if start <= at + BEFORE_MS), default=0)

    return max(legs, key=made_ms)


def _blows_of(case: Case, blows: Sequence[Blow]) -> list[Blow]:
    """What befell the house from the first request to the end of the last phone."""
    legs = case.cel.values()
    starts = [leg.started_ms for leg in legs if leg.started_ms is not None]
    from_ms = _began_ms(case, min(starts, default=0))
    has_open_end = any(leg.hangup_ms is None for leg in legs) or not case.cel
    seen_ms = case.asked.shown_at_ms if case.asked is not None and case.asked.shown_at_ms else now_ms()
    until_ms = seen_ms if has_open_end else max(leg.hangup_ms or 0 for leg in legs)
    return [blow for blow in blows if blow.touches(from_ms, until_ms)]


def _began_ms(case: Case, first_ms: int) -> int:
    """Of a call that follows on another one, or is one of many: by the clock of the app, if that can be believed."""
    if case.asked is None:
        return first_ms
    created_ms = at_ms(case.shown["created_at"]) if "created_at" in case.shown else 0
    is_first = case.id in case.asked.ids or not case.asked.at_ms <= created_ms <= (first_ms or now_ms())
    return case.asked.at_ms if is_first else created_ms
