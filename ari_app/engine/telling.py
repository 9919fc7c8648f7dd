"""What is told to a live call from outside, one more phone or a word about one, wherever that is tended: here, or by
another process over an order. Whoever told it learns that it is written down, or why it was not taken.

Knows the call's record and who tends it; must not know what a word means: that is the flow's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import msgspec

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Event, LegAdded, Told
from ari_app.domain.step import ASKS_MAX, LEGS_MAX, is_there
from ari_app.engine import records
from ari_app.ports.calls import Calls

if TYPE_CHECKING:
    from ari_app.engine.engine import Engine
    from ari_app.engine.mailbox import Mailbox

TOLD_WITHIN_S = 4.0
LOOK_S = 0.05

Word = LegAdded | Told
Why = Literal["over", "full", "there", "no-such-leg", "no-such-call"]


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The call ends or has ended; it has had as many commands, or legs, as one call may; the phone is there already; it
    has no such leg, or has one of that role already; there is none."""

    why: Why


class _Payload(msgspec.Struct, omit_defaults=True):
    """One of the two, as it goes over the board."""

    added: LegAdded | None = None
    told: Told | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Payload).decode


def payload_of(word: Word) -> str:
    payload = _Payload(added=word) if isinstance(word, LegAdded) else _Payload(told=word)
    return _encode(payload).decode()


def word_of(payload: str) -> Word | None:
    """None: of a version that says it otherwise."""
    try:
        said = _decode(payload)
    except msgspec.MsgspecError:
        return None
    return said.added or said.told


def why_not_taken(call: Call, word: Word) -> Why | None:
    """As domain/step.py judges; None: it would be taken."""
    if call.is_over:
        return "over"
    if len(call.asks) >= ASKS_MAX:
        return "full"
    if isinstance(word, Told):
        return "no-such-leg" if word.leg and not call.has_leg(word.leg) else None
    if len(call.legs) >= LEGS_MAX:
        return "full"
    if is_there(call, word):
        return "there"
    return "no-such-leg" if not word.stem and call.has_leg(word.leg.role) else None


class Tellers:
    """Of one mailbox: those who wait to learn what became of what they told it."""

    def __init__(self, call: Call) -> None:
        self.written = call
        """As it was written down last."""
        self._waiting: list[tuple[str, asyncio.Future[Call | NotTaken]]] = []

    def wait(self, ask: str) -> asyncio.Future[Call | NotTaken]:
        answer: asyncio.Future[Call | NotTaken] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, answer))
        return answer

    def folded(self, call: Call, batch: Iterable[Event]) -> None:
        """What was folded in and is not in the call's record now was not taken."""
        for event in batch if self._waiting else ():
            if isinstance(event, LegAdded | Told) and event.ask not in call.asks:
                self._answer({event.ask}, NotTaken(why_not_taken(call, event) or "over"))

    def saved(self, call: Call) -> None:
        self.written = call
        if self._waiting:
            self._answer(call.asks, call)

    def left(self) -> None:
        """The call is another owner's now: what was told may have been written down, or not."""
        for _, answer in self._waiting:
            if not answer.done():
                answer.set_exception(Unavailable("the call went to another process while it was told"))

    def _answer(self, asks: Iterable[str], said: Call | NotTaken) -> None:
        for ask, answer in self._waiting:
            if ask in asks and not answer.done():
                answer.set_result(said)
        self._waiting = [(ask, answer) for ask, answer in self._waiting if not answer.done()]


async def tell_here(box: Mailbox, word: Word) -> Call | NotTaken:
    """To a call that is tended here, by the clock of its PBX. Raises Unavailable."""
    if word.ask in box.tellers.written.asks:
        return box.tellers.written
    if word.ask not in box.call.asks and box.call.is_over:
        return NotTaken("over")
    answer = box.tellers.wait(word.ask)
    box.post(replace(word, at_ms=box.engine.now_ms()))
    try:
        async with asyncio.timeout(TOLD_WITHIN_S):
            return await answer
    except TimeoutError:
        raise Unavailable("the call was told, and it could not be written down") from None


class Telling:
    """`engines`: of this process, now. `order`: (node, call, payload), for whoever has that node."""

    def __init__(
        self, calls: Calls, engines: Callable[[], Sequence[Engine]], order: Callable[[str, str, str], Awaitable[None]]
    ) -> None:
        self._calls, self._engines, self._order = calls, engines, order

    async def tell(self, call_id: str, word: Word) -> Call | NotTaken:
        """See Fleet.tell."""
        for engine in self._engines():
            if engine.tends(call_id) and (box := engine.mailbox(call_id)) is not None:
                return await tell_here(box, word)
        stored = await self._calls.load(call_id)
        if stored is None:
            return NotTaken("no-such-call")
        said = _said(records.call_of(stored), word)
        if said is not None:
            return said
        for engine in self._engines():
            if engine.node == stored.node and (box := await engine.beginnings.tend(call_id)) is not None:
                return await tell_here(box, word)
        return await self._tell_afar(call_id, stored.node, word)

    async def _tell_afar(self, call_id: str, node: str, word: Word) -> Call | NotTaken:
        await self._order(node, call_id, payload_of(word))
        try:
            async with asyncio.timeout(TOLD_WITHIN_S):
                while True:
                    stored = await self._calls.load(call_id)
                    if stored is not None and (said := _said(records.call_of(stored), word)) is not None:
                        return said
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise Unavailable("the call was told, and nobody has said yet that it heard") from None


def _said(call: Call, word: Word) -> Call | NotTaken | None:
    """By its record; None: it does not know of it yet."""
    if word.ask in call.asks:
        return call
    why = why_not_taken(call, word)
    return None if why is None else NotTaken(why)
