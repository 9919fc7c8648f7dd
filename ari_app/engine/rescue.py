"""What is left to do for a call that our own code stumbled over: hang up, close, settle what can be told of its talk.

Knows no call type. A call in rescue never returns to its own plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import structlog

from ari_app.domain.call import Call, End
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.charging import Charge
from ari_app.domain.events import Event
from ari_app.domain.step import Plan
from ari_app.domain.step import step as real_step
from ari_app.domain.wishes import Wish, Yielded
from ari_app.flows import Flow
from ari_app.flows.moves import wind_down

log = structlog.get_logger()


def plan_of(flow: Flow) -> Plan:
    def plan(c: Call) -> Iterator[Yielded]:
        if not c.is_over:
            yield End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
        yield from wind_down(c, _charge(flow, c))

    return plan


def step(call: Call, events: Sequence[Event], plan: Plan) -> tuple[Call, list[Wish], int | None]:
    """One event after the other; what cannot be folded in is left out, with a word in the log."""
    wishes: list[Wish] = []
    wake: int | None = None
    for event in events:
        try:
            call, new, wake = real_step(call, [event], plan)
        except Exception:  # the event is the poison: the others still count
            log.exception("event left out", call=call.id, event=type(event).__name__)
            continue
        wishes += new
    if not wishes:
        call, wishes, wake = real_step(call, [], plan)
    return call, wishes, wake


def state_of(flow: Flow, c: Call) -> str:
    """Where the call stands; where even that cannot be told, over or not."""
    try:
        return flow.state(c)
    except Exception:
        log.exception("state not told", call=c.id)
        return flow.STATES[0 if c.settled is None else -1]


def _charge(flow: Flow, c: Call) -> Charge:
    """Where even that cannot be told, nothing is charged: the fault is ours."""
    try:
        return flow.charge(c)
    except Exception:
        log.exception("talk not measured, nothing is charged", call=c.id)
        return Charge()
