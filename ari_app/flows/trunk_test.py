"""A test of one trunk: one phone is rung over exactly that trunk, nobody is joined to it, nobody pays with minutes, and
it is hung up after the seconds that were asked for. What the carrier takes for it is noted as of any leg.

Pure; knows nothing of Asterisk, Redis or time but the facts of the call.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wishes import Cutoff, Wake, Yielded
from ari_app.flows.moves import CUTOFF_GRACE_MS, end_unanswered, gave_up, reach, wind_down

TYPE = "trunk_test"
STATES = ("queued", "ringing_callee", "talking", "ended")


def plan(c: Call) -> Iterator[Yielded]:
    phone = c.leg(CALLEE)
    verdict = ended(c)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, charge(c))
        return
    yield from reach(c, phone, life_ms=life_ms(c, phone))
    if phone.last is not None and phone.is_live and not phone.is_up:
        yield Wake(phone.last.dialled_at_ms + phone.ring_timeout_ms)
    if phone.is_up:
        yield Cutoff(phone.role, phone.n, ends_at_ms(c, phone) + CUTOFF_GRACE_MS)
        yield Wake(ends_at_ms(c, phone))


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


def ended(c: Call) -> End | None:
    """The verdict on the facts; None while it goes on."""
    phone = c.leg(CALLEE)
    if c.is_over:
        return None
    if phone.answered_at_ms is not None:
        return end_of_talk(c, phone)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    return end_unanswered(c, phone)


def end_of_talk(c: Call, phone: Leg) -> End | None:
    t = phone.last
    assert t is not None
    is_run_out = (c.now_ms if t.ended_at_ms is None else t.ended_at_ms) >= ends_at_ms(c, phone)
    if t.how == "remote":
        return End(Reason.COMPLETED, HungUpBy(phone.role))
    if t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if is_run_out:
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


def ends_at_ms(c: Call, phone: Leg) -> int:
    return (phone.answered_at_ms or 0) + 1000 * c.terms.max_duration_s


def life_ms(c: Call, phone: Leg) -> int:
    """The PBX's own limit on the channel, from its birth: should everybody else be gone."""
    return phone.ring_timeout_ms + 1000 * c.terms.max_duration_s + CUTOFF_GRACE_MS
