"""What calls to one phone alone have in common: it is rung, stays up until all is said or its time is over, and is then
let go. Pure; knows one leg, and not what is said to it."""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wishes import Cutoff, Wake, Yielded
from ari_app.flows.conversation import wake_at_no_answer
from ari_app.flows.moves import CUTOFF_GRACE_MS, end_unanswered, gave_up, reach, wind_down

STATES = ("queued", "ringing_callee", "talking", "ended")


def ring_one(c: Call, *, is_done: bool = False) -> Iterator[Yielded]:
    """From the dial to the settlement, for one who pays nothing; what is said while it is up is the flow's. `is_done`:
    all is said."""
    phone = c.leg(CALLEE)
    verdict = ended(c, phone, is_done=is_done)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, Charge())
        return
    life_ms = phone.ring_timeout_ms + 1000 * c.terms.max_duration_s + CUTOFF_GRACE_MS
    yield from reach(c, phone, life_ms=life_ms)
    yield from wake_at_no_answer(c, phone)
    if phone.is_up:
        yield Cutoff(phone.role, phone.n, ends_at_ms(c, phone) + CUTOFF_GRACE_MS)
        yield Wake(ends_at_ms(c, phone))


def ended(c: Call, phone: Leg, *, is_done: bool) -> End | None:
    """The verdict on the facts; None while it goes on."""
    if c.is_over:
        return None
    if phone.answered_at_ms is not None:
        return _end_of_talk(c, phone, is_done=is_done)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    return end_unanswered(c, phone)


def _end_of_talk(c: Call, phone: Leg, *, is_done: bool) -> End | None:
    t = phone.last
    assert t is not None
    if t.how == "remote":
        return End(Reason.COMPLETED, HungUpBy(phone.role))
    if t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if is_done or (c.now_ms if t.ended_at_ms is None else t.ended_at_ms) >= ends_at_ms(c, phone):
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


def ends_at_ms(c: Call, phone: Leg) -> int:
    return (phone.answered_at_ms or 0) + 1000 * c.terms.max_duration_s


def state(c: Call) -> str:
    """Where the call stands, for people. Only moves right along STATES."""
    phone = c.leg(CALLEE)
    if c.settled is not None:
        return "ended"
    if phone.answered_at_ms is not None:
        return "talking"
    return "ringing_callee" if phone.tries or c.dial_pending(phone) is not None else "queued"


def talk_began_ms(c: Call) -> int | None:
    return c.leg(CALLEE).answered_at_ms
