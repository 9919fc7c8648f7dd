"""How one phone of many comes to be in the bridge, is heard there or not, and leaves it; and how the others hear that.
Pure: facts in, wishes out. Knows legs; must not know why a call ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ari_app.domain.call import Call, Leg
from ari_app.domain.step import is_given_up
from ari_app.domain.wishes import Answer, HangUp, Join, Listen, Mute, PlayAll, Wake, Yielded
from ari_app.flows.funding import first_s, is_ringing, lacks_ms, spare_s
from ari_app.flows.moves import CUTOFF_GRACE_MS, arrives_by_ms, has_rung_out, hush, is_exhausted, reach, sound_to
from ari_app.flows.recording import is_being_told, is_to_be_told, tell

LEAVE = "leave"
"""The word that takes a phone out: see Leg.is_removed."""
MUTING = ("mute", "unmute")
CONFIRM_ROUNDS = 3


def is_removed(leg: Leg) -> bool:
    return leg.is_removed


def is_awaited(leg: Leg) -> bool:
    """It may still come: it rings, or is to be rung."""
    if is_removed(leg) or leg.answered_at_ms is not None or is_exhausted(leg):
        return False
    t = leg.last
    # a device that rang as long as it may is not the end of it: his phone is rung next
    return t is None or t.ended_at_ms is None or leg.is_on_net or t.ended_at_ms < t.dialled_at_ms + leg.ring_timeout_ms


def is_in(c: Call, leg: Leg) -> bool:
    return leg.is_up and f"join:{leg.role}:{leg.n}" in c.done


def ended_at_ms(leg: Leg) -> int:
    """0: it has not."""
    return 0 if leg.last is None else leg.last.ended_at_ms or 0


def first_met_ms(legs: Sequence[Leg]) -> int | None:
    """When two of them were up at the same time first."""
    there = [(leg.role, leg.answered_at_ms, ended_at_ms(leg)) for leg in legs if leg.answered_at_ms is not None]
    met = [
        late_ms
        for late, late_ms, _ in there
        for early, early_ms, gone_ms in there
        if late != early and early_ms <= late_ms and not 0 < gone_ms <= late_ms
    ]
    return min(met, default=None)


def alone_since_ms(c: Call) -> int | None:
    """Since when the last one has waited for somebody else; None: others are there, or may come. Who is not rung as
    there are no more minutes does not come."""
    spare, is_empty = spare_s(c), c.refused_at_ms is not None
    coming = [
        leg for leg in c.legs if is_awaited(leg) and (is_ringing(c, leg) or not is_empty or spare >= first_s(c, leg))
    ]
    if coming or sum(1 for leg in c.legs if leg.is_up) > 1:
        return None
    return max((t.ended_at_ms or t.answered_at_ms or 0 for leg in c.legs for t in leg.tries), default=0)


# ---- ringing --------------------------------------------------------------------------------------------------------


def ring(c: Call, leg: Leg, held_s: int) -> Iterator[Yielded]:
    """Over its routes, for as long as it may ring. Should we be gone, the PBX ends it when what is held for it does."""
    life_ms = max(leg.ring_timeout_ms, 1000 * held_s) + CUTOFF_GRACE_MS
    if has_rung_out(c, leg):
        yield from hang_up(c, leg)
        return
    yield from reach(c, leg, life_ms=life_ms)
    if leg.last is not None and is_ringing(c, leg):
        yield Wake(leg.last.dialled_at_ms + leg.ring_ms)


def ring_all(c: Call, legs: Sequence[Leg]) -> Iterator[Yielded]:
    """Those who are awaited, each only while its own first increment is held, and as many as there is room for."""
    left_s, room = spare_s(c), c.terms.phones_max - sum(1 for leg in c.legs if leg.is_up or is_ringing(c, leg))
    for leg in reversed(legs):  # minutes ran short while they rang: who came last goes first
        if left_s < 0 and is_ringing(c, leg) and first_s(c, leg):
            left_s += first_s(c, leg)
            yield from hang_up(c, leg)
    for leg in legs:
        if leg.came_in:
            yield from let_in(c, leg)
        elif is_ringing(c, leg):
            yield from ring(c, leg, first_s(c, leg))
        elif room > 0 and left_s >= first_s(c, leg):
            room, left_s = room - 1, left_s - first_s(c, leg)
            yield from ring(c, leg, first_s(c, leg))
    lacks_at_ms = lacks_ms(c)
    if lacks_at_ms is not None and any(is_ringing(c, leg) for leg in legs):
        yield Wake(lacks_at_ms + 1)


def let_in(c: Call, leg: Leg) -> Iterator[Yielded]:
    """One who comes over from another call. Who hung up on the way there never comes, and nothing tells of it."""
    yield Answer(leg.role, leg.n)
    if leg.last is not None:
        by_ms = arrives_by_ms(c, leg.last)
        yield Wake(by_ms) if c.now_ms < by_ms else HangUp(leg.role, leg.n)


def hang_up(c: Call, leg: Leg) -> Iterator[Yielded]:
    """It lives, or was asked for."""
    pending_n = c.dial_pending(leg)
    if leg.is_live:
        yield HangUp(leg.role, leg.n)
    if pending_n is not None:
        yield HangUp(leg.role, pending_n)


# ---- coming, being heard, leaving -----------------------------------------------------------------------------------


def take_part(c: Call, leg: Leg, *, is_kept_out: bool) -> Iterator[Yielded]:
    """One who is up: into the bridge, once he has pressed what he must."""
    if is_removed(leg) or is_given_up(c, f"join:{leg.role}:{leg.n}"):
        yield HangUp(leg.role, leg.n)
        return
    if is_kept_out:
        yield from ask_to_confirm(c, leg)
        return
    for name in asked_names(leg):
        yield from hush(c, leg, name, "confirm")
    if not is_in(c, leg) and is_to_be_told(c, leg):
        yield from tell(c, leg)
        return
    muted = [word for word in leg.words if word in MUTING]
    if muted:
        yield Mute(leg.role, leg.n, leg.is_muted, len(muted))
    yield Join(leg.role, leg.n)
    yield Listen(leg.role, leg.n)


def asked_names(leg: Leg) -> list[str]:
    return [f"confirm{n}_{leg.role}" for n in range(CONFIRM_ROUNDS)]


def is_spoken_to(c: Call, leg: Leg) -> bool:
    """While a sound is played to it alone, the PBX keeps whatever else is asked of its channel waiting, and, as it
    serves one request after the other, all that is asked of others."""
    is_asked = any(f"play:{name}" in c.asked and name not in c.played for name in asked_names(leg))
    return is_asked or is_being_told(c, leg)


def ask_to_confirm(c: Call, leg: Leg) -> Iterator[Yielded]:
    until_ms = (leg.answered_at_ms or 0) + c.terms.confirm_timeout_ms
    name = next((name for name in asked_names(leg) if name not in c.played), None)
    if name is not None:
        yield sound_to(leg, name, "confirm")
    yield Wake(until_ms) if c.now_ms < until_ms else HangUp(leg.role, leg.n)


def tell_who_comes_and_goes(c: Call, legs: Sequence[Leg]) -> Iterator[Yielded]:
    """A tone to all who are there, for each of these legs."""
    there = sum(1 for leg in c.legs if is_in(c, leg))
    for leg in legs if c.terms.tones else ():
        was_in = f"join:{leg.role}:{leg.n}" in c.done and leg.answered_at_ms is not None
        if was_in and leg.is_up and there > 1:
            yield PlayAll(f"in_{leg.role}", "conference_entry")
        if was_in and not leg.is_up and there > 0:
            yield PlayAll(f"out_{leg.role}", "conference_leave")
