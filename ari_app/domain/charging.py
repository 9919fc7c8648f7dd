"""What a call is charged: which legs count, from when to when. Rounding is units.py's; must not know a flow, a ledger
or the clock.

    conversation    callback, inbound: once, from the callee's answer to the first hang-up; on the callee's leg
    each_leg        conference, notice: every leg that the platform called, from its own answer to its own hang-up
    nothing         verification, trunk_test: the platform's own errands
    (any)           both ends on-net: nothing

A flow names its rule.

An on-net leg of a conference or notice is free by itself: it runs between the platform, which is always on the net,
and its phone. So no leg's charge depends on who else comes, and nobody who joins late makes dear what was free.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ari_app.domain import units
from ari_app.domain.units import Increment

CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class Talk:
    """A leg as far as its charge goes. It ends with its hang-up, a lost one with its last sound; None: it is up."""

    role: str
    answered_at_ms: int | None
    ended_at_ms: int | None = None
    called_by_us: bool = True
    is_on_net: bool = False


@dataclass(frozen=True, slots=True)
class LegCharge:
    """`used_s` is the talk, cut down to whole seconds; `rounded_s` the same in whole increments."""

    role: str
    used_s: int
    rounded_s: int


@dataclass(frozen=True, slots=True)
class Charge:
    """The legs that are charged. The call's seconds are their sums, so that each leg is cut down and rounded alone."""

    legs: tuple[LegCharge, ...] = ()

    @property
    def used_s(self) -> int:
        return sum(leg.used_s for leg in self.legs)

    @property
    def rounded_s(self) -> int:
        return sum(leg.rounded_s for leg in self.legs)


Timed = tuple[str, int]
"""A role, and the milliseconds that its leg is charged."""


def conversation(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
    """Once for both ends. Nothing if the caller had gone before the callee answered."""
    if all(talk.is_on_net for talk in talks):
        return
    first_end_ms = min((talk.ended_at_ms for talk in talks if talk.ended_at_ms is not None), default=now_ms)
    for talk in talks:
        if talk.role == CALLEE and talk.answered_at_ms is not None:
            yield talk.role, first_end_ms - talk.answered_at_ms


def each_leg(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
    """Each from its own answer to its own hang-up."""
    for talk, answered_at_ms in _burning(talks):
        yield talk.role, (now_ms if talk.ended_at_ms is None else talk.ended_at_ms) - answered_at_ms


def nothing(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
    """The platform's own errand."""
    return iter(())


Rule = Callable[[Sequence[Talk], int], Iterator[Timed]]
RULES: tuple[Rule, ...] = (conversation, each_leg, nothing)


def charge(rule: Rule, talks: Sequence[Talk], now_ms: int, increment: Increment) -> Charge:
    """What a call is charged by its rule; while it lasts, what it would be if it ended at now_ms."""
    legs = []
    for role, talk_ms in rule(talks, now_ms):
        used_s = units.talk_s(talk_ms)
        legs.append(LegCharge(role, used_s, units.rounded_s(used_s, increment)))
    return Charge(tuple(legs))


def settled(charge: Charge, held_s: int) -> tuple[int, int]:
    """(charged_s, overrun_s). Rounding is never an overrun: beyond what is held, only talk counts."""
    return min(charge.rounded_s, held_s), max(0, charge.used_s - held_s)


def shared(legs: Sequence[tuple[str, int]], charged_s: int) -> dict[str, int]:
    """Of what was charged, each leg's part: its own increments, as far as what was held went."""
    parts, left_s = {}, charged_s
    for role, rounded_s in legs:
        parts[role] = min(rounded_s, left_s)
        left_s -= parts[role]
    return parts


def funds_end_ms(talks: Sequence[Talk], held_s: int, increment: Increment) -> int | None:
    """When what is held for a conference ends, if all legs that are up stay and nobody else comes. None: no leg burns.

    Who has left has burnt his increments, and burns no more.
    """
    gone = [talk for talk in talks if talk.ended_at_ms is not None]
    burnt_s = charge(each_leg, gone, 0, increment).rounded_s
    answers_ms = [answered_at_ms for talk, answered_at_ms in _burning(talks) if talk.ended_at_ms is None]
    return units.funds_end_ms(answers_ms, held_s - burnt_s, increment)


def _burning(talks: Sequence[Talk]) -> Iterator[tuple[Talk, int]]:
    """The legs that cost something by themselves, and when they were answered."""
    for talk in talks:
        if talk.answered_at_ms is not None and talk.called_by_us and not talk.is_on_net:
            yield talk, talk.answered_at_ms
