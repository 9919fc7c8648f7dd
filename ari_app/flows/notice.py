"""A notice to one phone: it is rung, hears the text, and presses a key: to confirm, to hear it again, or to be called
back and connected to the sender. Nothing but a key confirms: an answering machine presses none. The sender pays.

Pure; knows nothing of Asterisk, Redis or time but the facts of the call, and nothing of other recipients or tries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import Cutoff, Wake, Yielded
from ari_app.flows.funding import charge
from ari_app.flows.moves import (
    CUTOFF_GRACE_MS,
    end_unanswered,
    gave_up,
    is_funded,
    keep_funded,
    reach,
    wind_down,
)  # fmt: skip
from ari_app.flows.notice_script import is_all_said, key, speak
from ari_app.flows.one_phone import STATES, state, talk_began_ms

__all__ = ["STATES", "state", "talk_began_ms"]

TYPE = "notice"
HAS_ITS_OWN_DOOR = True
"""Not to be had by its type alone: who is rung when, and how often, is desks/notice_people.py's business."""

LIVE_MAX = 1_000
"""Calls of one sender's notices at once: how many there may be is told by who places them."""


@dataclass(frozen=True, slots=True)
class Request:
    """`said`: the sound, `text:<id>`. `confirm`: the key that confirms; "": it is enough to have heard it. `rounds`:
    how often it is said to one who presses nothing. `notice`: whose recipient number `n` this is."""

    sender: str
    recipient: str
    said: str
    confirm: str = "1"
    language: str = ""
    rounds: int = 2
    lasts_s: int = 180
    notice: str = ""
    n: int = 0


def wants(r: Request) -> Wants:
    return Wants(
        (Party(CALLEE, r.recipient, "recipient", shows_payer=True, language=r.language),),
        payer=r.sender, payer_at="sender",
        # All is held at once: a timer cannot be set anew while a sound plays, without keeping other calls waiting.
        terms={"max_duration_s": r.lasts_s, "slice_s": r.lasts_s, "warning_s": 0, "max_live_calls": LIVE_MAX},
        given={"said": r.said, "confirm": r.confirm, "rounds": str(r.rounds), "notice": r.notice, "n": str(r.n)},
    )  # fmt: skip


def plan(c: Call) -> Iterator[Yielded]:
    phone = c.leg(CALLEE)
    verdict = ended(c, phone)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, charge(c))
        return
    if c.held_s == 0:
        yield from keep_funded(c, 0, c.terms.max_duration_s)
        return  # nothing is dialled before minutes are held
    yield from reach(c, phone, life_ms=max(phone.ring_timeout_ms, 1000 * c.held_s) + CUTOFF_GRACE_MS)
    if phone.last is not None and phone.is_live and not phone.is_up:
        yield Wake(phone.last.dialled_at_ms + phone.ring_ms)
    if phone.is_up:
        yield from stay_funded(c, phone)
        yield from speak(c, phone)


# ---- how it ends ------------------------------------------------------------------------------------------------


def ended(c: Call, phone: Leg) -> End | None:
    """The verdict on the facts; None while it goes on."""
    if c.is_over:
        return None
    if phone.answered_at_ms is not None:
        return end_of_talk(c, phone)
    if c.cancelled_at_ms is not None:
        return End(Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "hold", "dial", NOT_SAVED):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    if c.holds == 0 and c.refused_at_ms is not None:
        return End(Reason.BALANCE_EMPTY if c.refused_why == "empty" else Reason.REFUSED, HungUpBy.SYSTEM)
    return end_unanswered(c, phone)


def end_of_talk(c: Call, phone: Leg) -> End | None:
    t = phone.last
    assert t is not None
    if t.how in ("remote", "media"):
        by_him = t.how == "remote"
        return End(Reason.COMPLETED, HungUpBy.CALLEE) if by_him else End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if is_all_said(c) or (key(c) and t.ended_at_ms is not None):
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if c.cancelled_at_ms is not None:
        return End(Reason.COMPLETED, HungUpBy.API)
    if (c.now_ms if t.ended_at_ms is None else t.ended_at_ms) >= ends_at_ms(c, phone):
        if phone.is_on_net or c.held_s >= c.terms.max_duration_s:
            return End(Reason.MAX_DURATION, HungUpBy.SYSTEM)
        if c.refused_at_ms is not None:
            return End(Reason.BALANCE_EMPTY, HungUpBy.SYSTEM)
    return None if t.ended_at_ms is None else End(Reason.INTERRUPTED, HungUpBy.SYSTEM)


# ---- its money --------------------------------------------------------------------------------------------------


def stay_funded(c: Call, phone: Leg) -> Iterator[Yielded]:
    used_s, most_s = charge(c).used_s, c.terms.max_duration_s
    yield from keep_funded(c, used_s, most_s)
    if is_funded(c, used_s, most_s) or not c.is_hold_in_doubt:
        # In doubt, the PBX may have been told of more than is known here, and must not be told of less.
        yield Cutoff(phone.role, phone.n, ends_at_ms(c, phone) + CUTOFF_GRACE_MS)
    yield Wake(ends_at_ms(c, phone))
    if c.held_s < most_s:
        yield Wake((phone.answered_at_ms or 0) + 1000 * (c.held_s - c.terms.margin_s + 1))


def ends_at_ms(c: Call, phone: Leg) -> int:
    most_s = c.terms.max_duration_s
    return (phone.answered_at_ms or 0) + 1000 * (most_s if phone.is_on_net else min(c.held_s, most_s))
