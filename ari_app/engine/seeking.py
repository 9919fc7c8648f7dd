"""Whom a call rings for what was keyed on one of its phones: a number that may be called, over the same checks as any
other; or the PIN of a conference, where a leg is kept for that phone. Knows no flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

import structlog

from ari_app.domain import events as ev
from ari_app.domain.call import CALLER, Call, Leg, Try
from ari_app.domain.limits import Limit, longest_s
from ari_app.domain.numbers import Number
from ari_app.domain.wanted import Party
from ari_app.domain.wishes import Seek
from ari_app.engine.abuse import AbuseCheck
from ari_app.engine.asks import Refusal
from ari_app.engine.making import CallMaker
from ari_app.engine.telling import NotTaken
from ari_app.ports.limits import Limits, of_pins

log = structlog.get_logger()

WRONG_PIN = "pin"
ELSEWHERE = "elsewhere"
"""The conference is on another PBX than the phone."""
STEM = "in"

Found = ev.LegAdded | ev.NotFound | ev.LeadsTo
Tell = Callable[[str, ev.LegAdded], Awaitable[Call | NotTaken]]


class Pins(Protocol):
    """See ports/pins.py."""

    def is_pin(self, digits: str) -> bool:
        """By its look."""

    async def take(self, pin: str, by: str) -> str | None:
        """The conference that it leads to; None: to none. Once taken it is nobody else's; the same call, asking again,
        gets the same answer. May raise Unavailable."""


class NoPins:
    def is_pin(self, digits: str) -> bool:
        return False

    async def take(self, pin: str, by: str) -> str | None:
        return None


class Seeking:
    """`tell`: see Fleet.tell. `node_of`: on which PBX a call is. `pin_limits`: wrong PINs from one number."""

    def __init__(
        self, *, maker: CallMaker, abuse: AbuseCheck, read_number: Callable[[str], Number | None], tell: Tell,
        node_of: Callable[[str], Awaitable[str | None]], limits: Limits, pin_limits: tuple[Limit, ...],
        pins: Pins | None = None,
    ) -> None:  # fmt: skip
        self.pins: Pins = pins or NoPins()
        self._maker = maker
        self._abuse = abuse
        self._read = read_number
        self._tell = tell
        self._node_of = node_of
        self._limits = limits
        self._pin_limits = pin_limits

    async def seek(self, node: str, call: Call, wish: Seek) -> Found:
        """For a call on this node. May raise Unavailable; asked again, it does no harm."""
        if self.pins.is_pin(wish.digits) or not call.payer:
            found = await self._by_pin(node, call, wish.digits)
            is_a_number = isinstance(found, ev.NotFound) and found.why == WRONG_PIN and bool(call.payer)
            if not is_a_number:
                return found
        return await self._by_number(call, wish)

    # ---- a number -----------------------------------------------------------------------------------------------

    async def _by_number(self, call: Call, wish: Seek) -> Found:
        number, caller = self._read(wish.digits), call.leg(CALLER)
        if number is None or not number.text.startswith("+") or number.text == caller.number:
            return ev.NotFound(wish.digits, "invalid-number", call.now_ms)
        party = Party(wish.role, number.text, wish.role, shows_payer=True)
        leg = await self._maker.one_more(call, party, caller.number)
        if not isinstance(leg, Refusal):
            refused = await self._abuse.refused(replace(call, legs=(*call.legs, replace(leg, ask=wish.key))))
            leg = leg if refused is None else refused
        if isinstance(leg, Refusal):
            log.info("number that was keyed refused", call=call.id, why=leg.rule or leg.type)
            return ev.NotFound(wish.digits, leg.rule or leg.type, call.now_ms)
        return ev.LegAdded(leg, f"{wish.key}", call.now_ms)

    # ---- a PIN --------------------------------------------------------------------------------------------------

    async def _by_pin(self, node: str, call: Call, pin: str) -> Found:
        """Who guesses is soon told that every PIN is wrong."""
        caller = call.leg(CALLER)
        guesses, guess = of_pins(caller.number), f"{call.id}:{pin}"
        keep_s = longest_s(self._pin_limits)
        hit = await self._limits.mark(guesses, guess, self._pin_limits, at_ms=call.now_ms, keep_s=keep_s)
        conference = None if hit is not None else await self.pins.take(pin, call.id)
        if conference is None:
            log.info("PIN not taken", call=call.id, is_over_limit=hit is not None)
            return ev.NotFound(pin, WRONG_PIN, call.now_ms)
        await self._limits.take_back(guesses, guess)
        if await self._node_of(conference) != node:
            log.error("a conference cannot be joined from another PBX", call=call.id, conference=conference, node=node)
            return ev.NotFound(pin, ELSEWHERE, call.now_ms)
        ask = f"in:{call.id}"
        answer = await self._tell(conference, ev.LegAdded(_coming_in(call, caller), ask, 0, stem=STEM))
        if isinstance(answer, NotTaken):
            return ev.NotFound(pin, f"pin-{answer.why}", call.now_ms)
        role = next(leg.role for leg in answer.legs if leg.ask == ask)
        return ev.LeadsTo(f"{conference}.{role}.0", call.now_ms)


def _coming_in(call: Call, caller: Leg) -> Leg:
    """The same phone, as a leg of another call."""
    return Leg(
        role=STEM, number=caller.number, routes=caller.routes[:1], ring_timeout_ms=caller.ring_timeout_ms,
        user=caller.user, language=caller.language, came_in=True, tries=(Try(dialled_at_ms=call.now_ms),),
    )  # fmt: skip
