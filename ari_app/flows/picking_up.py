"""How a call ends that somebody made to us, and what he is told then. Pure: facts in, verdict and sound wishes out.
Knows the caller who came in, the callee who may be found for him, and the menu between; no time but the facts'."""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLEE, CALLER, Call, End, Leg, LegState, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wishes import HangUp, Play, Wake, Yielded
from ari_app.flows.conversation import end_of_talk, talk_began_ms
from ari_app.flows.hearing import ANNOUNCED, has_said_why, why_sound
from ari_app.flows.menu import is_chosen, is_lost, wrong_words
from ari_app.flows.moves import ARRIVES_MS, arrives_by_ms, end_unanswered, gave_up, hush

VITAL = ("bridge", "join:caller", "hold", "dial", "answer", "seek", "hand_over", NOT_SAVED)


def callee_of(c: Call) -> Leg | None:
    return c.leg(CALLEE) if c.has_leg(CALLEE) else None


def must_arrive(c: Call, caller: Leg) -> Iterator[Yielded]:
    t = caller.last
    if t is not None and caller.is_live and not caller.is_up:
        callee = callee_of(c)
        answered_at_ms = None if callee is None else callee.answered_at_ms
        yield Wake(arrives_by_ms(c, t) if answered_at_ms is None else answered_at_ms + ARRIVES_MS)


# ---- how it ends ----------------------------------------------------------------------------------------------------


def ended(c: Call) -> End | None:
    """The verdict on the facts; None while the call goes on."""
    if c.is_over:
        return None
    caller, callee = c.leg(CALLER), callee_of(c)
    if callee is not None and talk_began_ms(c) is not None:
        return end_of_talk(c, caller, callee)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, *VITAL):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    of_caller = end_of_caller(c, caller)
    if of_caller is not None:
        return of_caller
    if c.holds == 0 and c.refused_at_ms is not None:
        why = Reason.BALANCE_EMPTY if c.refused_why == "empty" else Reason.REFUSED
        return End(why, HungUpBy.SYSTEM)
    return end_unanswered(c, callee) if callee is not None and callee.answered_at_ms is None else None


def end_of_caller(c: Call, caller: Leg) -> End | None:
    t = caller.last
    if t is None:
        return None
    if not caller.came_in and t.answered_at_ms is None:
        return end_unanswered(c, caller)
    if t.state is LegState.GONE:
        return _why_gone(c, caller, t)
    if caller.is_up:
        in_menu = (callee := callee_of(c)) is None or not (callee.tries or is_chosen(c, caller))
        return End(Reason.CALLER_NOT_CONFIRMED, HungUpBy.SYSTEM) if in_menu and is_lost(c, caller) else None
    return _end_before_answer(c, caller, t)


def _why_gone(c: Call, caller: Leg, t: Try) -> End:
    if c.leads_to:  # it goes on elsewhere, or he has hung up on the way there
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if t.how != "remote":  # the PBX's timer; or we hung up, and died before we had said why
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    has_said_whom = c.has_leg(CALLEE) and c.given["mode"] != "returned" and not is_chosen(c, caller)
    return End(Reason.COMPLETED if has_said_whom else Reason.CALLER_GAVE_UP, HungUpBy.CALLER)


def _end_before_answer(c: Call, caller: Leg, t: Try) -> End | None:
    """Of one who has called and is not picked up (yet)."""
    mode = c.given["mode"]
    if (not t.gave_sign or mode in ("menu", "pin")) and c.now_ms >= arrives_by_ms(c, t):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    callee = callee_of(c)
    if callee is not None and callee.answered_at_ms is not None and c.now_ms >= callee.answered_at_ms + ARRIVES_MS:
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    if mode == "missed" and c.now_ms >= t.dialled_at_ms + caller.ring_timeout_ms:
        return End(Reason.REFUSED, HungUpBy.SYSTEM)
    return None


# ---- what he is told ------------------------------------------------------------------------------------------------


def say_farewell(c: Call, caller: Leg) -> Iterator[Yielded]:
    """Before the answer, where he was not picked up: then he pays nothing for it."""
    if c.end is None or not is_saying_farewell(c, caller):
        return
    for name in sorted(k.removeprefix("play:") for k in c.asked if k.startswith("play:")):
        if name != "farewell":
            yield from hush(c, caller, name, c.terms.waiting if name.startswith("waiting") else name)
    callee = callee_of(c)
    if callee is not None and callee.is_live:
        yield HangUp(CALLEE, callee.n)
    yield Play(CALLER, caller.n, "farewell", _words(c, caller))
    yield Wake(c.end.at_ms + c.terms.announce_limit_ms)


def is_saying_farewell(c: Call, caller: Leg) -> bool:
    if c.end is None or c.cancelled_at_ms is not None or "farewell" in c.played or not _words(c, caller):
        return False
    is_there = caller.is_up or (caller.came_in and caller.is_live and caller.last is not None and caller.last.gave_sign)
    return is_there and c.now_ms < c.end.at_ms + c.terms.announce_limit_ms


def _words(c: Call, caller: Leg) -> str:
    callee = callee_of(c)
    match c.end.reason if c.end is not None else None:
        case Reason.CALLER_NOT_CONFIRMED if callee is not None:
            return "we_call_back"
        case Reason.CALLER_NOT_CONFIRMED:
            return f"{wrong}&goodbye" if (wrong := wrong_words(c, caller)) else "goodbye"
        case Reason.BALANCE_EMPTY if talk_began_ms(c) is None:
            return "unavailable" if c.given["mode"] == "returned" else "no_minutes&goodbye"
        case Reason.REFUSED if c.given["mode"] != "missed":
            return "unavailable"
        case Reason.INTERRUPTED if talk_began_ms(c) is None:
            return "out_of_order"
        case reason if reason in ANNOUNCED and callee is not None and callee.tries and not has_said_why(c, callee):
            return why_sound(reason, callee)
    return ""
