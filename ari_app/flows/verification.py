"""Is this phone the user's? It is rung, a code is read out twice, and we say goodbye. Whoever can give the code back
(desks/proving.py) answers that phone. Nobody pays with minutes; nobody is joined to it.

Pure; the code is in what the call was given, and must get no farther than into the ear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Cutoff, Wake, Yielded
from ari_app.flows.moves import CUTOFF_GRACE_MS, end_unanswered, gave_up, reach, sound_to, wind_down

TYPE = "verification"
STATES = ("queued", "ringing_callee", "talking", "ended")
HAS_ITS_OWN_DOOR = True
"""Not to be had by its type alone: whom it may ring, and how often, is desks/proving.py's business."""

CODE = "code"
"""By which name the code was given."""
TO_THE_EAR_MS = 700  # the way of the phone to the ear
READINGS = 2
READINGS_MAX = 4  # of which some were broken off: by a gap, or as a prompt is missing
LENGTH_MAX_S = 60


@dataclass(frozen=True, slots=True)
class Request:
    """A number of the user's, as it is stored."""

    user: str
    number: str


def wants(r: Request) -> Wants:
    return Wants((Party(CALLEE, r.number, "number", rings_devices=False),), terms={"max_duration_s": LENGTH_MAX_S})


def plan(c: Call) -> Iterator[Yielded]:
    phone = c.leg(CALLEE)
    verdict = ended(c, phone)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, charge(c))
        return
    yield from reach(c, phone, life_ms=phone.ring_timeout_ms + 1000 * c.terms.max_duration_s + CUTOFF_GRACE_MS)
    if phone.last is not None and phone.is_live and not phone.is_up:
        yield Wake(phone.last.dialled_at_ms + phone.ring_ms)
    if phone.is_up:
        yield Cutoff(phone.role, phone.n, ends_at_ms(c, phone) + CUTOFF_GRACE_MS)
        yield Wake(ends_at_ms(c, phone))
        yield from read_out(c, phone)


def read_out(c: Call, phone: Leg) -> Iterator[Yielded]:
    """A gap counts what sounds as played, though nobody knows how much of it was heard: then it is read once more."""
    begins_at_ms = (phone.answered_at_ms or 0) + TO_THE_EAR_MS
    if c.now_ms < begins_at_ms:
        yield Wake(begins_at_ms)
    elif not is_read(c):
        yield sound_to(phone, f"{CODE}{len(readings(c.played))}", f"your_code_is&digits:{c.given[CODE]}")
    else:
        yield sound_to(phone, "goodbye", "goodbye")


def is_read(c: Call) -> bool:
    return len(readings(c.heard)) >= READINGS or len(readings(c.played)) >= READINGS_MAX


def readings(names: frozenset[str]) -> list[str]:
    return [name for name in names if name.startswith(CODE)]


def state(c: Call) -> str:
    phone = c.leg(CALLEE)
    if c.settled is not None:
        return "ended"
    if phone.answered_at_ms is not None:
        return "talking"
    return "ringing_callee" if phone.tries or c.dial_pending(phone) is not None else "queued"


def talk_began_ms(c: Call) -> int | None:
    return c.leg(CALLEE).answered_at_ms


def charge(_c: Call) -> Charge:
    """The platform's own errand."""
    return Charge()


def ended(c: Call, phone: Leg) -> End | None:
    """The verdict on the facts; None while it goes on."""
    if c.is_over:
        return None
    if phone.answered_at_ms is not None:
        return end_of_reading(c, phone)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    return end_unanswered(c, phone)


def end_of_reading(c: Call, phone: Leg) -> End | None:
    t = phone.last
    assert t is not None
    if t.how == "remote":
        return End(Reason.COMPLETED, HungUpBy.CALLEE)
    if t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    if "goodbye" in c.played or (c.now_ms if t.ended_at_ms is None else t.ended_at_ms) >= ends_at_ms(c, phone):
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


def ends_at_ms(c: Call, phone: Leg) -> int:
    return (phone.answered_at_ms or 0) + 1000 * c.terms.max_duration_s
