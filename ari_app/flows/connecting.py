"""How one who called us, or whom we called back, comes to talk to another: minutes are held, the other is rung, and the
two are joined. Pure: facts in, wishes out. Knows two legs; must not know how the callee was found."""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import CALLER, Call, Leg
from ari_app.domain.wishes import Answer, Join, OpenBridge, Yielded
from ari_app.flows.conversation import callee_life_ms, talk, talk_began_ms, wake_at_no_answer
from ari_app.flows.hearing import waiting_sound
from ari_app.flows.moves import keep_funded, reach


def connect(c: Call, caller: Leg, callee: Leg, payer: Leg) -> Iterator[Yielded]:
    """Minutes, the callee, the talk. A caller who was not answered yet hears his own network's ringback."""
    if c.held_s == 0:
        yield from keep_funded(c, 0, c.terms.max_duration_s)
        return  # nothing is dialled before minutes are held
    yield OpenBridge()
    if "bridge" not in c.done:
        return
    is_there = caller.answered_at_ms is not None
    if is_there:
        yield Join(CALLER, caller.n)
    yield from reach(c, callee, life_ms=callee_life_ms(c), early=is_there and c.terms.early_media == "all")
    yield from wake_at_no_answer(c, callee)
    if is_there:
        yield from waiting_sound(c, caller, callee)
    if callee.is_up:
        if caller.came_in:
            yield Answer(CALLER, caller.n)
        if talk_began_ms(c) is None:
            return
        yield Join(CALLER, caller.n)
        yield from talk(c, caller, callee, payer)
