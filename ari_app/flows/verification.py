"""Is this phone the user's? It is rung, a code is read out twice, and we say goodbye. Whoever can give the code back
(desks/proving.py) answers that phone. Nobody pays with minutes; nobody is joined to it.

Pure; the code is in what the call was given, and must get no farther than into the ear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ari_app.domain.call import CALLEE, Call, Leg
from ari_app.domain.charging import Charge
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Wake, Yielded
from ari_app.flows.moves import sound_to
from ari_app.flows.one_phone import STATES, ring_one, state, talk_began_ms

__all__ = ["STATES", "state", "talk_began_ms"]

TYPE = "verification"
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
    yield from ring_one(c, is_done="goodbye" in c.played)
    if phone.is_up and not c.is_over:
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


def charge(_c: Call) -> Charge:
    """The platform's own errand."""
    return Charge()
