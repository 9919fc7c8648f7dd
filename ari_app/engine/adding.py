"""One more phone for a call that goes on, over the same checks as any other that is rung. Knows no flow."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ari_app.domain import events as ev
from ari_app.domain.call import Call, Leg
from ari_app.domain.errors import Unavailable
from ari_app.domain.wanted import Party
from ari_app.engine.abuse import AbuseCheck
from ari_app.engine.asks import Refusal
from ari_app.engine.making import CallMaker, too_many_phones
from ari_app.engine.telling import NotTaken

Tell = Callable[[str, ev.LegAdded], Awaitable[Call | NotTaken]]


class Adding:
    """`tell`: see Fleet.tell."""

    def __init__(self, maker: CallMaker, abuse: AbuseCheck, tell: Tell) -> None:
        self._maker = maker
        self._abuse = abuse
        self._tell = tell

    async def add(self, call: Call, party: Party, *, host: str, ask: str) -> Call | Refusal:
        """The call with the phone in it, by whose `ask` it is found there. `party.role`: the stem of its own. `host`:
        whose number it is shown, as written. The same ask again adds nothing. May raise Unavailable."""
        if (there := leg_of(call, ask)) is not None:
            return await self._the_same_again(call, there, party)
        leg = await self._maker.one_more(call, party, host)
        if isinstance(leg, Refusal):
            return leg
        refused = self._not_now(call, leg, party.at)
        if refused is not None:
            return refused
        leg = replace(leg, ask=ask)
        counted = replace(call, legs=(leg,))
        if (refused := await self._abuse.refused(counted)) is not None:
            return replace(refused, at=party.at)
        try:
            answer = await self._tell(call.id, ev.LegAdded(leg, ask, 0, stem=party.role, is_one_only=True))
        except Unavailable:
            await self._abuse.take_back(counted)  # if it was added after all, the call's end puts that right
            raise
        if isinstance(answer, NotTaken):
            await self._abuse.take_back(counted)
            return not_taken(answer, party.at)
        return answer

    def _not_now(self, call: Call, leg: Leg, at: str) -> Refusal | None:
        if any(one.number == leg.number for one in call.legs if is_there(call, one)):
            return _there(at)
        return None if has_room(call) else too_many_phones(call.terms, at)

    async def _the_same_again(self, call: Call, there: Leg, party: Party) -> Call | Refusal:
        person = await self._maker.anyone(party, call.tenant)
        if isinstance(person, Refusal) or person.number != there.number:
            sentence = "This Idempotency-Key was used before, for another participant."
            return Refusal("idempotency-conflict", sentence, "Idempotency-Key")
        return call


def has_room(call: Call) -> bool:
    """For one more phone, by the plan of who pays."""
    return sum(1 for leg in call.legs if is_there(call, leg)) < call.terms.phones_max


def leg_of(call: Call, ask: str) -> Leg | None:
    return next((leg for leg in call.legs if leg.ask == ask), None)


def is_there(call: Call, leg: Leg) -> bool:
    """It is up, rings, or is still to be rung."""
    if leg.is_live or call.dial_pending(leg) is not None:
        return True
    if leg.last is None:
        return not leg.is_removed
    return leg.last.answered_at_ms is None and leg.next_try is not None and _may_go_on(leg)


def _may_go_on(leg: Leg) -> bool:
    return leg.outcome is not None and leg.outcome.value == "trunk_failed"


def not_taken(answer: NotTaken, at: str) -> Refusal:
    if answer.why == "full":
        return Refusal("too-many-participants", "This call has taken as many phones as one may.", at, rule="legs")
    return _there(at) if answer.why == "there" else Refusal("call-over", "The call has ended.", at)


def _there(at: str) -> Refusal:
    return Refusal("participant-there", "This number is in the conference already, or is being rung.", at)
