"""One leg of ours beside one line of a carrier's bill: do they agree, and if not, in what way. Pure.

The classes and their order are docs/settlement.md's. Knows no file and no store; which line belongs to which leg is
billing_pairs.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from ari_app.domain.units import Increment, billed_s, decimal, rounded_s

USUAL = tuple(Increment.parse(text) for text in ("1/1", "6/6", "30/6", "30/30", "60/1", "60/6", "60/30", "60/60"))
"""By which a carrier may round where its deck says something else."""
ROUNDED_MICRO = 2
"""Less than so much is a last millionth, begun by one and cut off by the other."""
CONTRADICTS = "it contradicts itself"
NANO = 1000
"""Of a millionth: a rate of a bill is kept this fine, as it may have more digits than a price of ours."""


class Class(StrEnum):
    """In the order in which a table shows them."""

    AGREED = "agreed"
    ROUNDING = "rounding"
    DURATION_DIFFERS = "duration_differs"
    RATE_DIFFERS = "rate_differs"
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    DISPUTED = "disputed"
    UNREADABLE = "unreadable"


HARMLESS = frozenset({Class.AGREED, Class.ROUNDING})


class Ours(NamedTuple):
    """A dialled try. One that nobody answered has no talk and no cost. `seen_…`: what Asterisk's own record has of its
    channel, if it names it at all (`is_seen`)."""

    number: str
    at_ms: int
    leg: str
    is_answered: bool
    talk_ms: int
    price_micro_per_min: int
    increment: str
    currency: str
    cost_micro: int
    is_counted: bool = True  # of the month that is settled, not of its neighbours
    is_seen: bool = False
    seen_answered_at_ms: int | None = None
    seen_ended_at_ms: int | None = None

    @property
    def billed_s(self) -> int:
        return billed_s(self.talk_ms, Increment.parse(self.increment)) if self.is_answered else 0

    @property
    def seen_ms(self) -> int | None:
        """How long it talked by Asterisk's own record."""
        if not self.is_seen or self.seen_ended_at_ms is None:
            return None
        return max(0, self.seen_ended_at_ms - (self.seen_answered_at_ms or self.seen_ended_at_ms))


class Theirs(NamedTuple):
    """A line of the bill. `duration_ms`: as long as it talked, by the bill; `billed_s`: what was charged of it. One of
    them may be None, if the bill has no such column; so may the rate. `currency` "": it does not say."""

    number: str
    at_ms: int
    duration_ms: int | None
    billed_s: int | None
    cost_micro: int
    rate_nano_per_min: int | None
    currency: str
    line: int

    @property
    def charged_ms(self) -> int:
        return (self.billed_s or 0) * 1000 if self.duration_ms is None else self.duration_ms


@dataclass(frozen=True, slots=True)
class Terms:
    """`written_step_micro`, `rate_step_nano`: the last digit that the bill writes; `cost_step_micro`: by how much its
    rounding may differ from us. `increments`: those of the carrier's decks, besides the usual ones."""

    time_tolerance_ms: int = 120_000
    duration_tolerance_ms: int = 1000
    written_step_micro: int = 1
    cost_step_micro: int = 1
    rate_step_nano: int = 1
    increments: tuple[Increment, ...] = USUAL


class Verdict(NamedTuple):
    what: Class
    why: str = ""


def begun_s(talk_ms: int) -> int:
    return -(-max(0, talk_ms) // 1000)


def compare(ours: Ours, theirs: Theirs, terms: Terms) -> Verdict:
    """The first class that fits, in the order of docs/settlement.md."""
    if why := contradiction(theirs, terms):
        return Verdict(Class.DISPUTED, why)
    if not same_duration(ours, theirs, terms):
        return _judged(ours, theirs, terms)
    if theirs.currency and theirs.currency != ours.currency:
        return Verdict(Class.RATE_DIFFERS, f"billed in {theirs.currency}, by our deck in {ours.currency}")
    if abs(theirs.cost_micro - ours.cost_micro) < ROUNDED_MICRO:
        return Verdict(Class.AGREED)
    if theirs.rate_nano_per_min is not None and not _same_rate(ours, theirs.rate_nano_per_min, terms):
        said = f"{decimal(theirs.rate_nano_per_min // NANO)} a minute, by our deck"
        return Verdict(Class.RATE_DIFFERS, f"billed at {said} {decimal(ours.price_micro_per_min)}")
    return _by_money(ours, theirs, terms)


def _by_money(ours: Ours, theirs: Theirs, terms: Terms) -> Verdict:
    """The same talk and, as far as the bill tells, the same rate; other money."""
    if not ours.is_answered:
        return Verdict(Class.RATE_DIFFERS, "a price for a try that nobody answered")
    if abs(theirs.cost_micro - ours.cost_micro) < terms.cost_step_micro:
        return Verdict(Class.ROUNDING, "less than the last digit that the bill writes")
    if by := _other_increment(ours, theirs, terms):
        if by == ours.increment:
            return Verdict(Class.ROUNDING, f"a second more or less begins another increment of {by}")
        return Verdict(Class.ROUNDING, f"rounded by {by} instead of {ours.increment}")
    return Verdict(Class.RATE_DIFFERS, f"the same talk, at another price than {decimal(ours.price_micro_per_min)}")


# ---- what the bill's line says by itself ----------------------------------------------------------------------------


def contradiction(theirs: Theirs, terms: Terms) -> str:
    """Why the line cannot be, by its own figures; "" where it can."""
    if theirs.duration_ms is not None and theirs.billed_s is not None:
        may_be = {rounded_s(talk_s, one) for talk_s in _seconds(theirs.duration_ms) for one in terms.increments}
        if theirs.billed_s not in may_be:
            return f"{theirs.billed_s} s are billed for {_s(theirs.duration_ms)}, which no increment makes of it"
    if theirs.rate_nano_per_min is None:
        return ""
    if any(_makes(theirs, billed_s, terms) for billed_s in _may_be_billed(theirs, terms)):
        return ""
    rate, cost = decimal(theirs.rate_nano_per_min // NANO), decimal(theirs.cost_micro)
    return f"{CONTRADICTS}: {_s(theirs.charged_ms)} at {rate} a minute are not {cost}"


def _may_be_billed(theirs: Theirs, terms: Terms) -> Iterator[int]:
    if theirs.billed_s is not None:
        yield theirs.billed_s
        return
    for talk_s in _seconds(theirs.duration_ms or 0):
        for increment in terms.increments:
            yield rounded_s(talk_s, increment)


def _makes(theirs: Theirs, billed_s: int, terms: Terms) -> bool:
    """Whether the rate makes the cost of so many seconds, rounded in any way to the last digit that the bill writes."""
    exact = billed_s * (theirs.rate_nano_per_min or 0)
    return abs(theirs.cost_micro * 60 * NANO - exact) < max(terms.written_step_micro, ROUNDED_MICRO) * 60 * NANO


def _seconds(talk_ms: int) -> set[int]:
    """What a bill writes in whole seconds may have been cut down, and then a second more was begun."""
    return {talk_ms // 1000, talk_ms // 1000 + 1}


# ---- both beside each other -----------------------------------------------------------------------------------------


def same_duration(ours: Ours, theirs: Theirs, terms: Terms) -> bool:
    """The same talk within the tolerance, or what is billed of it: by our deck, and where the bill says that it is the
    billed duration, by any usual increment. What nobody answered has none at all."""
    if not ours.is_answered:
        return not theirs.duration_ms and not theirs.billed_s
    if theirs.duration_ms is not None:
        return _fits(ours.talk_ms, theirs.duration_ms, terms) or theirs.duration_ms == ours.billed_s * 1000
    return theirs.billed_s == ours.billed_s or theirs.billed_s in _any_rounding(ours.talk_ms, terms)


def _fits(ours_ms: int, theirs_ms: int, terms: Terms) -> bool:
    return abs(ours_ms - theirs_ms) <= terms.duration_tolerance_ms


def _any_rounding(talk_ms: int, terms: Terms) -> set[int]:
    spread_ms = (-terms.duration_tolerance_ms, 0, terms.duration_tolerance_ms)
    return {rounded_s(begun_s(talk_ms + more_ms), one) for more_ms in spread_ms for one in terms.increments}


def _same_rate(ours: Ours, rate_nano: int, terms: Terms) -> bool:
    return abs(rate_nano - ours.price_micro_per_min * NANO) <= terms.rate_step_nano // 2


def _other_increment(ours: Ours, theirs: Theirs, terms: Terms) -> str:
    """The increment by which our price makes their cost, "" if none does; our own one, where a second's difference of
    the talk begins another."""
    talks_s = {max(int(ours.is_answered), begun_s(ours.talk_ms)), ours.talk_ms // 1000}
    if theirs.duration_ms is not None and _fits(ours.talk_ms, theirs.duration_ms, terms):
        talks_s |= _seconds(theirs.duration_ms)
    for increment in (Increment.parse(ours.increment), *terms.increments):
        for talk_s in sorted(talks_s):
            exact = rounded_s(talk_s, increment) * ours.price_micro_per_min
            if abs(theirs.cost_micro * 60 - exact) < max(terms.cost_step_micro, ROUNDED_MICRO) * 60:
                return str(increment)
    return ""


def _judged(ours: Ours, theirs: Theirs, terms: Terms) -> Verdict:
    """The durations differ. Asterisk's own record, where there is one, tells who is right."""
    talk, billed, seen_ms = _s(ours.talk_ms), _s(theirs.charged_ms), ours.seen_ms
    differ = f"{billed} on the bill, {talk} with us"
    if seen_ms is None:
        return Verdict(Class.DURATION_DIFFERS, differ)
    seen = ours._replace(talk_ms=seen_ms)
    if same_duration(seen, theirs, terms):
        return Verdict(Class.DURATION_DIFFERS, f"{differ}; Asterisk's record agrees with the bill")
    if _fits(ours.talk_ms, seen_ms, terms):
        return Verdict(Class.DISPUTED, f"{differ}; Asterisk's record agrees with us, not with the bill")
    return Verdict(Class.DURATION_DIFFERS, f"{differ}; Asterisk's record has {_s(seen_ms)}")


def _s(talk_ms: int) -> str:
    return f"{talk_ms / 1000:g} s"
