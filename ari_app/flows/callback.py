"""Two-leg callback, the whole policy: ring the caller; when the caller has answered, ring the callee; mix the two;
the talk is charged once. Pure; knows nothing of Asterisk, Redis or time but the facts of the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ari_app.domain.call import CALLEE, CALLER, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Join, OpenBridge, Yielded
from ari_app.flows.conversation import (
    ask_why_it_was_cut,
    callee_life_ms,
    charge,
    end_of_talk,
    is_cut_unasked,
    needs_minutes,
    talk,
    talk_began_ms,
    wake_at_no_answer,
    within_means,
)  # fmt: skip
from ari_app.flows.hearing import (
    announce,
    ask_to_confirm,
    is_announcing,
    is_confirmed,
    is_in_time_to_confirm,
    waiting_sound,
)  # fmt: skip
from ari_app.flows.moves import (
    CUTOFF_GRACE_MS,
    end_unanswered,
    gave_up,
    is_exhausted,
    keep_funded,
    reach,
    wind_down,
)  # fmt: skip
from ari_app.flows.recording import from_start

TYPE = "callback"
CAN_BE_RECORDED = True
ROLES = (CALLER, CALLEE)
STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")


@dataclass(frozen=True, slots=True)
class Request:
    """Caller and callee are user ids, or numbers as written."""

    caller: str
    callee: str
    max_duration_s: int | None = None
    confirm_caller: bool | None = None
    waiting: Literal["ringback", "music"] | None = None
    early_media: Literal["all", "none"] | None = None
    record: Literal["mixed", "legs"] | None = None


def wants(r: Request) -> Wants:
    caller = Party(CALLER, r.caller, "caller", is_himself=True)
    callee = Party(CALLEE, r.callee, "callee", shows_payer=True)
    terms = {name: getattr(r, name) for name in ("max_duration_s", "confirm_caller", "waiting", "early_media")}
    return Wants((caller, callee), payer=r.caller, terms=terms, given=from_start(r.record))


def plan(c: Call) -> Iterator[Yielded]:
    c = within_means(c)
    caller, callee = c.leg(CALLER), c.leg(CALLEE)
    verdict = ended(c)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from announce(c, caller, callee)
        yield from wind_down_after_announcement(c)
        return
    if is_cut_unasked(c):
        yield from ask_why_it_was_cut(c)
        return
    if needs_minutes(c):
        yield from keep_funded(c, 0, c.terms.max_duration_s)
        return  # nothing that costs any is dialled before minutes are held
    yield from reach(c, caller, life_ms=caller_life_ms(c))
    yield from wake_at_no_answer(c, caller)
    if not caller.is_live:
        return  # a phone that rings: trunks that are passed over need no bridge
    yield OpenBridge()
    if not caller.is_up or "bridge" not in c.done:
        return
    yield Join(CALLER, caller.n)
    if not is_confirmed(c, caller):
        yield from ask_to_confirm(c, caller)
        return
    early = c.terms.early_media == "all"
    yield from reach(c, callee, life_ms=callee_life_ms(c), early=early)
    yield from wake_at_no_answer(c, callee)
    # Sounds are stopped first: while one plays, the PBX keeps whatever else is asked of that channel waiting.
    yield from waiting_sound(c, caller, callee)
    if callee.is_up:
        yield from talk(c, caller, callee)


def state(c: Call) -> str:
    """Where the call stands, for people. Only moves right along STATES."""
    caller, callee = c.leg(CALLER), c.leg(CALLEE)
    if c.settled is not None:
        return "ended"
    if talk_began_ms(c) is not None:
        return "talking"
    if callee.tries or c.dial_pending(callee) is not None:
        return "ringing_callee"
    if caller.answered_at_ms is not None:
        return "caller_answered"
    if caller.tries or c.dial_pending(caller) is not None:
        return "ringing_caller"
    return "queued"


# ---- how it ends ------------------------------------------------------------------------------------------------


def ended(c: Call) -> End | None:
    """The verdict on the facts; None while the call goes on."""
    if c.is_over:
        return None
    caller, callee = c.leg(CALLER), c.leg(CALLEE)
    if talk_began_ms(c) is not None:
        return end_of_talk(c, caller, callee)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "bridge", "join:caller", "hold", "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    if c.holds == 0 and c.refused_at_ms is not None and (needs_minutes(c) or caller_is_away(caller)):
        why = Reason.BALANCE_EMPTY if c.refused_why == "empty" else Reason.REFUSED
        return End(why, HungUpBy.SYSTEM)
    of_caller, of_callee = end_of_caller(c, caller), end_of_callee(c, callee)
    if of_callee is not None and of_caller is not None and of_caller.reason is Reason.INTERRUPTED:
        return of_callee  # for want of him we hung up the caller, and died before we had written down why
    return of_caller or of_callee


def caller_is_away(caller: Leg) -> bool:
    """None of his devices is answered, and there are no minutes to ring his phone with."""
    return caller.goes_on and is_exhausted(caller)


def end_of_caller(c: Call, caller: Leg) -> End | None:
    t = caller.last
    if t is None:
        return None
    if t.answered_at_ms is not None:  # and did not get as far as talking
        if t.how == "media":
            return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
        if t.how == "remote":
            return End(Reason.CALLER_GAVE_UP, HungUpBy.CALLER)
        if not is_in_time_to_confirm(c, caller, t.ended_at_ms or c.now_ms):  # ended: and we died before we had said why
            return End(Reason.CALLER_NOT_CONFIRMED, HungUpBy.SYSTEM)
        return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    return end_unanswered(c, caller)


def end_of_callee(c: Call, callee: Leg) -> End | None:
    """One who answered and did not talk found nobody there: why the caller had gone, his end does not tell."""
    return None if callee.answered_at_ms is not None else end_unanswered(c, callee)


def wind_down_after_announcement(c: Call) -> Iterator[Yielded]:
    if not is_announcing(c):
        yield from wind_down(c, charge(c))


# ---- birth timers -----------------------------------------------------------------------------------------------


def caller_life_ms(c: Call) -> int:
    """The caller's: all that may pass before the callee answers, and what is held after that."""
    callee = c.leg(CALLEE)
    waits = c.leg(CALLER).ring_timeout_ms + c.terms.confirm_timeout_ms + callee.ring_timeout_ms
    waits += sum(route.ring_ms for route in callee.routes)
    waits += c.terms.pdd_timeout_ms * (len(callee.routes) - 1) + c.terms.trunk_wait_ms * len(callee.routes)
    return waits + 1000 * c.held_s + CUTOFF_GRACE_MS
