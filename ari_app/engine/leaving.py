"""What a call leaves behind when it is over: other calls that its flow asks for (`after`), each placed once, whatever
dies in between: their ids follow from this one's. Knows no flow by its name."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.wanted import Next
from ari_app.engine.asks import Ask, Refusal
from ari_app.flows import asked_flows, flows

log = structlog.get_logger()

OWNER = "after"
PATIENCE_MS = 60_000
"""So long after its time a call is still placed, where it could not be at once; later nobody waits for it."""

Place = Callable[[Ask, str], Awaitable[Call | Refusal]]


class Leaving:
    """`place`: a call as asked for, by its key."""

    def __init__(self, place: Place, now_ms: Callable[[], int]) -> None:
        self._place = place
        self._now_ms = now_ms

    async def ended(self, call: Call) -> None:
        """Of a call that is over. May raise Unavailable; asked again, it does no harm."""
        after = getattr(flows()[call.type], "after", None)
        for wanted in () if after is None else after(call):
            await self._leave(call, wanted)

    async def _leave(self, call: Call, wanted: Next) -> None:
        due_ms = (call.end.at_ms if call.end is not None else call.now_ms) + wanted.delay_ms
        if self._now_ms() > due_ms + PATIENCE_MS:
            log.warning("call that was to follow not placed: it is too late", call=call.id, type=wanted.type)
            return
        await asyncio.sleep(max(0, min(due_ms - self._now_ms(), wanted.delay_ms)) / 1000)
        request = msgspec.convert(dict(wanted.fields), asked_flows()[wanted.type].Request)
        ask = Ask(wanted.type, request, given=wanted.given, tenant=call.tenant)
        answer = await self._place(ask, f"{call.id}:{wanted.key}")
        if not isinstance(answer, Refusal):
            log.info("call follows", call=call.id, next=answer.id, type=wanted.type)
        elif answer.type in ("no-capacity", "draining"):
            raise Unavailable(f"the call that follows on {call.id} finds no place yet: {answer.type}")
        else:
            why = answer.rule or answer.type
            log.warning("call that was to follow refused", call=call.id, type=wanted.type, why=why)
