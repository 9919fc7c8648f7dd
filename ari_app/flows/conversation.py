"""What two people who talk have in common, whoever rang whom: when their talk begins and ends, what it is charged, and
how it is kept funded. Pure; knows two legs, caller and callee, and no call type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ari_app.domain import charging
from ari_app.domain.call import CALLEE, CALLER, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge, Talk
from ari_app.domain.step import is_given_up
from ari_app.domain.units import Increment
from ari_app.domain.wishes import Cutoff, HangUp, Join, Wake, Yielded
from ari_app.flows.hearing import warn
from ari_app.flows.moves import CUTOFF_GRACE_MS, gave_up, is_funded, keep_funded
from ari_app.flows.recording import record

# ---- how a talk ends --------------------------------------------------------------------------------------------


def end_of_talk(c: Call, caller: Leg, callee: Leg) -> End | None:
    gone = first_gone(c)
    if gone is not None:
        return None if is_cut_unasked(c) else why_gone(c, gone)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    if gave_up(c, "join"):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    return None if more_may_be_held(c) else end_by_clock(c, c.now_ms)


def first_gone(c: Call) -> Leg | None:
    gone = [leg for leg in c.legs if leg.last is not None and leg.last.ended_at_ms is not None]
    return min(gone, key=lambda leg: leg.last.ended_at_ms or 0 if leg.last else 0, default=None)


def more_may_be_held(c: Call) -> bool:
    """The ledger was asked and has not answered, or was not asked since a gap."""
    is_asked = f"hold:{c.holds}:{c.refusals}" in c.asked
    return funded_s(c) < c.terms.max_duration_s and (is_asked or c.is_hold_in_doubt)


def is_cut_unasked(c: Call) -> bool:
    """The PBX cut the talk at what was held, before the ledger could be asked for more: nobody knows yet whether the
    balance is empty, or whether we were too late."""
    leg = first_gone(c)
    if c.is_over or leg is None or leg.last is None or talk_began_ms(c) is None or leg.last.how in ("remote", "media"):
        return False
    guess = end_by_clock(c, (leg.last.ended_at_ms or 0) + CUTOFF_GRACE_MS)
    return guess is not None and (guess.reason is Reason.INTERRUPTED or more_may_be_held(c))


def ask_why_it_was_cut(c: Call) -> Iterator[Yielded]:
    """The ledger knows: it has no more, or it grants what comes back with the settlement."""
    for leg in c.legs:
        if leg.is_live:
            yield HangUp(leg.role, leg.n)
    yield from keep_funded(c, c.held_s, c.terms.max_duration_s)


def end_by_clock(c: Call, at_ms: int) -> End | None:
    """What is held has been talked. That the balance is empty is said only if the ledger said so: where it could not
    be asked, or we were not there to ask, the fault is ours."""
    if at_ms < talk_ends_at_ms(c):
        return None
    if c.terms.max_duration_s <= funded_s(c):
        return End(Reason.MAX_DURATION, HungUpBy.SYSTEM)
    return End(Reason.BALANCE_EMPTY if c.refused_at_ms is not None else Reason.INTERRUPTED, HungUpBy.SYSTEM)


def why_gone(c: Call, leg: Leg) -> End:
    t = leg.last
    assert t is not None
    if t.how == "remote":
        return End(Reason.COMPLETED, HungUpBy.CALLER if leg.role == CALLER else HungUpBy.CALLEE)
    if t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    at_end = end_by_clock(c, (t.ended_at_ms or 0) + CUTOFF_GRACE_MS)
    return at_end or End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


# ---- the talk and its money -------------------------------------------------------------------------------------


def talk_began_ms(c: Call) -> int | None:
    """The callee's answer; None if there was none, or if it came too late to become a talk: after the caller had gone,
    or after the end was decided and before the phones were hung up."""
    began = answer_ms(c)
    came_late = began is not None and c.end is not None and c.end.at_ms < began
    talked_after_all = c.settled is not None and c.settled.used_s > 0  # we were away before we could hang up
    return None if came_late and not talked_after_all else began


def answer_ms(c: Call) -> int | None:
    """The moment from which both were there: the callee's answer, if the caller had not gone before. One who called us
    is picked up when the callee is."""
    if not c.has_leg(CALLEE) or c.leg(CALLER).answered_at_ms is None:
        return None
    caller, callee = c.leg(CALLER), c.leg(CALLEE)
    began, gone = callee.answered_at_ms, caller.last.ended_at_ms if caller.last else None
    return None if began is None or (gone is not None and gone < began) else began


def charge(c: Call) -> Charge:
    """What is charged for the talk, up to its end or to now."""
    so_far_ms = c.now_ms if c.end is None else c.end.at_ms
    return charging.charge(charging.conversation, talks(c), so_far_ms, Increment.parse(c.terms.increment))


def talks(c: Call) -> list[Talk]:
    """Both phones, a lost one to its last sound. None talked if they were never joined."""
    is_not_joined = c.has_leg(CALLEE) and is_given_up(c, f"join:{CALLEE}:{c.leg(CALLEE).n}")
    if is_not_joined or c.leg(CALLER).answered_at_ms is None:
        return []
    return [
        Talk(leg.role, t.answered_at_ms, t.alive_until_ms, not leg.came_in, leg.is_on_net)
        for leg in c.legs
        if (t := leg.last) is not None
    ]


def talk_ends_at_ms(c: Call) -> int:
    began = talk_began_ms(c)
    assert began is not None
    return began + 1000 * min(funded_s(c), c.terms.max_duration_s)


def talk(c: Call, caller: Leg, callee: Leg, payer: Leg | None = None) -> Iterator[Yielded]:
    """`payer`: who is warned; None: the caller."""
    used_s, ends_at_ms = charge(c).used_s, talk_ends_at_ms(c)
    if not is_free(c):
        yield from keep_funded(c, used_s, c.terms.max_duration_s)
    if is_free(c) or is_funded(c, used_s, c.terms.max_duration_s) or not c.is_hold_in_doubt:
        # In doubt, the PBX may have been told of more than is known here, and must not be told of less.
        for leg in (callee, caller):  # the callee's first: its birth timer is the shorter one
            yield Cutoff(leg.role, leg.n, ends_at_ms + CUTOFF_GRACE_MS)
    yield Join(CALLEE, callee.n)
    if f"join:{CALLEE}:{callee.n}" in c.done:
        yield from record(c, (caller, callee))
    yield Wake(ends_at_ms)
    began = callee.answered_at_ms or 0
    if funded_s(c) < c.terms.max_duration_s:
        low_s = c.terms.warning_s + c.terms.margin_s
        if c.held_s - low_s >= used_s:
            yield Wake(began + 1000 * (c.held_s - low_s + 1))
        yield from warn(c, payer or caller, began)


# ---- on the net -------------------------------------------------------------------------------------------------


def is_free(c: Call) -> bool:
    """Both talk, or would talk, by devices that are registered here."""
    return c.has_leg(CALLEE) and all(leg.is_on_net for leg in c.legs)


def funded_s(c: Call) -> int:
    """How long they may talk: on the net as long as anybody may, else on what is held."""
    return c.terms.max_duration_s if is_free(c) else c.held_s


def within_means(c: Call) -> Call:
    """Who has no minutes calls from device to device, and nothing is held for it: there are no other routes then."""
    has_none = c.holds == 0 and c.refused_at_ms is not None and c.refused_why == "empty"
    if not has_none or not c.has_leg(CALLEE) or not all(leg.routes[0].device for leg in c.legs if leg.routes):
        return c
    devices = (tuple(route for route in leg.routes if route.device) for leg in c.legs)
    return replace(c, legs=tuple(replace(leg, routes=kept) for leg, kept in zip(c.legs, devices, strict=True)))


def needs_minutes(c: Call) -> bool:
    """None are held, and some phone might be rung over a trunk."""
    return c.held_s == 0 and not all(route.device for leg in c.legs for route in leg.routes)


# ---- before it begins -------------------------------------------------------------------------------------------


def callee_life_ms(c: Call) -> int:
    """The PBX's own limit on the callee's channel from its birth: the ring time-out or what is held."""
    return max(c.leg(CALLEE).ring_timeout_ms, 1000 * c.held_s) + CUTOFF_GRACE_MS


def wake_at_no_answer(c: Call, leg: Leg) -> Iterator[Yielded]:
    if leg.last is not None and leg.is_live and not leg.is_up:
        yield Wake(leg.last.dialled_at_ms + leg.ring_ms)
