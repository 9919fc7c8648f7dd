"""A call to the platform's number, and the call back to one who called it. A user hears his minutes and keys a number:
he is connected at once, or hangs up and is called back; somebody who returns a call is connected to the user who called
him; a PIN leads into a conference. Pure; knows nothing of Asterisk, Redis or time but the facts of the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ari_app.domain.call import CALLEE, CALLER, Call, Leg
from ari_app.domain.causes import HungUpBy
from ari_app.domain.wanted import Next, Party, Wants
from ari_app.domain.wishes import Answer, HandOver, Seek, Wake, Yielded
from ari_app.flows.connecting import connect
from ari_app.flows.conversation import (
    ask_why_it_was_cut,
    charge,
    is_cut_unasked,
    talk_began_ms,
    wake_at_no_answer,
)  # fmt: skip
from ari_app.flows.menu import (
    MENU_MS_MAX,
    ask_keys,
    has_no_minutes,
    has_nothing_to_key_for,
    hush_menu,
    is_chosen,
    is_to_be_sought,
    keyed,
)  # fmt: skip
from ari_app.flows.moves import CUTOFF_GRACE_MS, keep_funded, reach, wind_down
from ari_app.flows.picking_up import callee_of, ended, is_saying_farewell, must_arrive, say_farewell

__all__ = ["charge", "talk_began_ms"]

TYPE = "inbound"
CAN_BE_RECORDED = True
ROLES = (CALLER, CALLEE)
STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")
HAS_ITS_OWN_DOOR = True

CALL_BACK_MS = 2_000
"""He has just hung up, or hears that it is busy: his phone needs a moment to be free."""


@dataclass(frozen=True, slots=True)
class Request:
    """`menu`: `payer` has called. `missed`: likewise, and is not answered. `pin`: a stranger has. `returned`: a
    stranger has, and `payer` is rung. `back`: `caller`, a user's number, is called back, and then as for `menu`."""

    mode: Literal["menu", "missed", "pin", "returned", "back"]
    payer: str = ""
    caller: str = ""


def wants(r: Request) -> Wants:
    rung = {
        "returned": (Party(CALLEE, r.payer, "callee", is_himself=True),),
        "back": (Party(CALLER, r.caller, "caller", is_himself=True),),
    }
    return Wants(rung.get(r.mode, ()), payer=r.payer or r.caller, given={"mode": r.mode})


def plan(c: Call) -> Iterator[Yielded]:
    caller = c.leg(CALLER)
    verdict = ended(c)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from say_farewell(c, caller)
        if not is_saying_farewell(c, caller):
            yield from wind_down(c, charge(c))
        return
    if is_cut_unasked(c):
        yield from ask_why_it_was_cut(c)
        return
    yield from must_arrive(c, caller)
    match c.given["mode"]:
        case "missed":
            yield Wake((caller.last.dialled_at_ms if caller.last else 0) + caller.ring_timeout_ms)
        case "returned":
            yield from connect(c, caller, c.leg(CALLEE), payer=c.leg(CALLEE))
        case _:
            yield from meet(c, caller)
            if caller.is_up:
                yield from serve(c, caller)


def meet(c: Call, caller: Leg) -> Iterator[Yielded]:
    if caller.came_in:
        if caller.last is None or not caller.last.gave_sign:
            return
        if has_nothing_to_key_for(c) and c.held_s == 0:  # the ledger has the last word, before he pays for a call
            yield from keep_funded(c, 0, c.terms.max_duration_s)
        else:
            yield Answer(CALLER, caller.n)
        return
    free_at_ms = c.created_at_ms + int(c.given.get("wait_ms", "0"))
    if c.now_ms < free_at_ms:
        yield Wake(free_at_ms)
        return
    if c.held_s == 0:  # so that whoever rings us over and over, by his own number or a forged one, is not rung as often
        yield from keep_funded(c, 0, c.terms.max_duration_s)
        return
    yield from reach(c, caller, life_ms=caller.ring_timeout_ms + MENU_MS_MAX + CUTOFF_GRACE_MS)
    yield from wake_at_no_answer(c, caller)


def serve(c: Call, caller: Leg) -> Iterator[Yielded]:
    """What he keys decides."""
    if c.leads_to:
        yield from hush_menu(c, caller)
        yield HandOver(CALLER, caller.n, c.leads_to)
    elif is_to_be_sought(c, caller):
        yield from hush_menu(c, caller)
        yield Seek(CALLEE, keyed(caller))
    elif c.has_leg(CALLEE) and is_chosen(c, caller):
        yield from hush_menu(c, caller)
        yield from connect(c, caller, c.leg(CALLEE), payer=caller)
    else:
        yield from ask_keys(c, caller)


def state(c: Call) -> str:
    """Where the call stands, for people. Only moves right along STATES."""
    caller, callee = c.leg(CALLER), callee_of(c)
    if c.settled is not None:
        return "ended"
    if talk_began_ms(c) is not None:
        return "talking"
    if callee is not None and (callee.tries or c.dial_pending(callee) is not None):
        return "ringing_callee"
    if caller.answered_at_ms is not None:
        return "caller_answered"
    return "ringing_caller" if caller.tries or c.dial_pending(caller) is not None else "queued"


def after(c: Call) -> Iterator[Next]:
    """Who rang and gave up is called back; who keyed a number and hung up is called back and connected. Only a user,
    and only by the number from which he called."""
    caller, callee = c.leg(CALLER), callee_of(c)
    if c.end is None or not (caller.came_in and c.payer and caller.user == c.payer) or c.end.by is HungUpBy.API:
        return
    if c.given["mode"] == "missed" and not has_no_minutes(c):
        request = {"mode": "back", "caller": caller.number}
        yield Next("back", TYPE, request, {"minutes": c.given.get("minutes", "0")}, CALL_BACK_MS)
    elif callee is not None and not callee.tries and not is_chosen(c, caller):
        yield Next("back", "callback", {"caller": caller.number, "callee": callee.number}, {}, CALL_BACK_MS)
