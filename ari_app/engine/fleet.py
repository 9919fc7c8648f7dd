"""All nodes as one: whoever asks for a call need not know on which PBX it will be, nor which process has that.

A call is written down with its node's name; whoever owns that node takes it from there. An order only says "look".
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine import records
from ari_app.engine.admission import Admission
from ari_app.engine.engine import CANCEL_WITHIN_S, Engine
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.node import TOLD_FOR_MS
from ari_app.engine.telling import NotTaken, Telling, Word
from ari_app.flows import flows
from ari_app.ports.calls import Calls, Exists
from ari_app.ports.leases import HeldBy
from ari_app.ports.nodes import Board, NodeNow, What

log = structlog.get_logger()

LOOK_S = 0.5
FIRST_WORD_WITHIN_S = 5.0
"""How long the answer to a request waits to learn whether there are minutes; later it answers `queued`."""
FOLLOW_S = 0.05
ORDER_TRIES, ORDER_AGAIN_S = 3, 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call may go. `engine`: None where another process has the node."""

    node: str
    engine: Engine | None

    @property
    def admission(self) -> Admission | None:
        """None: whoever has the node asks its own."""
        return None if self.engine is None else self.engine.admission


@dataclass(frozen=True, slots=True)
class NoPlace:
    """`is_full`: nodes are there, and have as many calls as they may."""

    why: str
    is_full: bool = False


class Node(Protocol):
    """Of engine.node.Node."""

    @property
    def name(self) -> str: ...

    @property
    def engine(self) -> Engine | None:
        """While this process owns it."""

    @property
    def live(self) -> int: ...

    @property
    def calls_max(self) -> int: ...

    @property
    def others(self) -> HeldBy | None:
        """Who has it, where we were told that somebody has."""

    def why_closed(self) -> str: ...


EndGone = Callable[[str], Awaitable[bool]]


async def _nobody_can(_node: str) -> bool:
    return False


class Fleet:
    def __init__(self, nodes: Sequence[Node], board: Board, calls: Calls, end_gone: EndGone = _nobody_can) -> None:
        """`end_gone`: ends the calls of a node whose PBX is gone for good; False: a process has it."""
        self.nodes = nodes
        self._end_gone = end_gone
        self.seen: Sequence[NodeNow] = ()
        """Every node that any process told of, as of half a second ago."""
        self._board = board
        self._calls = calls
        self._changed = asyncio.Event()
        self._telling = Telling(
            calls, lambda: self.engines, lambda node, call, said: self._order(node, "tell", call, said)
        )

    async def run(self) -> None:
        """For ever."""
        while True:
            with suppress(Unavailable):  # an old sight is better than none: an order waits for whoever comes
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Raises Unavailable."""
        self.seen = await self._board.all()
        self.look_again()

    async def drain(self, node: str, is_drained: bool) -> bool:
        """New calls go elsewhere. False: no such node. Raises Unavailable."""
        is_there = await self._board.drain(node, is_drained)
        await self.look()
        return is_there and any(one.node == node for one in self.seen)

    async def end_calls(self, node: str) -> int | None:
        """Of a node that nobody owns, and whose PBX is gone for good: as far as they can be read here. How many; None:
        a process owns it, or would. Raises Unavailable, and TimeoutError where it takes longer."""
        if node in {one.name for one in self.nodes} or await self._board.wanted_by(node) is not None:
            return None
        before = await self._calls.live(node)
        is_ended = await self._end_gone(node)
        return len(before) - len(await self._calls.live(node)) if is_ended else None

    async def forget(self, node: str) -> bool:
        """False: there is none, or it is in use. Raises Unavailable."""
        is_gone = await self._board.forget(node)
        await self.look()
        return is_gone

    def look_again(self) -> None:
        """Something about a node of ours has changed."""
        self._changed.set()

    async def until_open(self) -> None:
        """Until a call can be placed, here or by another process that we were told lives: the word of a dead one is
        believed for a moment."""
        while not self._is_surely_open():
            self._changed.clear()
            await self._changed.wait()

    def _is_surely_open(self) -> bool:
        if any(engine.sees_pbx for engine in self.engines):
            return True
        return all(node.others is not None for node in self.nodes if node.engine is None) and not self.why_closed()

    # ---- what is here -------------------------------------------------------------------------------------------

    @property
    def engines(self) -> list[Engine]:
        return [node.engine for node in self.nodes if node.engine is not None]

    @property
    def live(self) -> int:
        """Calls tended by this process."""
        return sum(engine.live for engine in self.engines)

    def mailbox(self, call_id: str) -> Mailbox | None:
        """Of a call that lives here, or has just ended."""
        return next((box for engine in self.engines if (box := engine.mailbox(call_id)) is not None), None)

    # ---- where a call may go ------------------------------------------------------------------------------------

    def places(self) -> list[Place] | NoPlace:
        """Our own nodes that take calls, the emptiest first, or else the others'."""
        drained = {one.node for one in self.seen if one.is_drained}
        ours = [node for node in self.nodes if node.name not in drained and not node.why_closed()]
        places = [(node.live / node.calls_max, Place(node.name, node.engine)) for node in ours]
        if not any(share < 1 for share, _ in places):
            mine = {node.name for node in self.nodes if node.engine is not None}
            theirs = [one.told for one in self.seen if one.is_open and one.told is not None and one.node not in mine]
            places += [(told.live / told.calls_max, Place(told.node, None)) for told in theirs]
        if not places:
            return NoPlace(self.why_closed())
        with_room = [place for share, place in sorted(places, key=lambda one: one[0]) if share < 1]
        return with_room or NoPlace("as many calls live as may", is_full=True)

    def room(self) -> int | None:
        """Calls that the nodes take beside those that live; None: that is not known of those of other processes."""
        places = self.places()
        if isinstance(places, NoPlace):
            return 0
        ours = {place.node for place in places if place.engine is not None}
        mine = sum(node.calls_max - node.live for node in self.nodes if node.name in ours)
        told = (one.told for one in self.seen if one.told is not None and one.node not in ours)
        theirs = sum(max(0, one.calls_max - one.live) for one in told if any(p.node == one.node for p in places))
        return mine + theirs

    def timed(self, call: Call, place: Place) -> Call:
        """A new call, by the clock of its PBX, as all that will happen to it is: by one that is ahead of that, its
        phones would have rung for long already when they begin to."""
        now_ms = call.created_at_ms
        if place.engine is not None:
            now_ms = place.engine.now_ms()
        elif (told := next((one.told for one in self.seen if one.node == place.node), None)) is not None:
            is_just_old = 0 <= now_ms - told.at_ms <= TOLD_FOR_MS
            now_ms = now_ms if is_just_old else told.at_ms
        return replace(call, created_at_ms=now_ms, now_ms=now_ms)

    def why_closed(self) -> str:
        """What is missing where no node takes a call; "" where one does."""
        drained = {one.node for one in self.seen if one.is_drained}
        mine = {node.name for node in self.nodes if node.engine is not None}
        reasons: dict[str, str] = {}
        for one in self.seen:
            if one.node in mine:  # what we told of it a second ago is not how it is
                continue
            if one.is_open:
                return ""
            told = "nobody has told of it" if one.owner else "no process owns it"
            reasons[one.node] = "drained" if one.is_drained else one.told.why if one.told is not None else told
        for node in self.nodes:
            if node.name not in reasons:
                reasons[node.name] = "drained" if node.name in drained else node.why_closed()
        if "" in reasons.values():
            return ""
        if len(reasons) == 1:
            return next(iter(reasons.values()))
        return "; ".join(f"{name}: {why}" for name, why in sorted(reasons.items()))

    # ---- calls, wherever they are -------------------------------------------------------------------------------

    async def begin(self, call: Call, place: Place) -> Call | Mailbox:
        """Write the call down for its node and set it going. The call of the same id, if there is one already; a
        Mailbox if it is tended here. Raises Unavailable; then it was not begun, or asking again will find it."""
        users = records.users_of(call)
        if place.engine is not None:
            begun = await place.engine.start(call, users)
            if begun is call:  # its engine stood down meanwhile
                await self._order(place.node, "begin", call.id)
            return begun
        made = await records.create(self._calls, call, node=place.node, user_ids=users)
        if isinstance(made, Exists):
            return await self.go_on(records.call_of(made.stored), made.stored.node)
        await self._order(place.node, "begin", call.id)
        return call

    async def find(self, call_id: str) -> Call | None:
        """The call, with the certainty that somebody tends it if it lives. Raises Unavailable, UnreadableRecord."""
        if (box := self.mailbox(call_id)) is not None:
            return box.call
        stored = await self._calls.load(call_id)
        return None if stored is None else await self.go_on(records.call_of(stored), stored.node)

    async def go_on(self, call: Call, node: str) -> Call:
        """Tended from here on, if nobody does: its creation was answered to nobody, say."""
        if (box := self.mailbox(call.id)) is not None:
            return box.call
        if call.settled is not None:
            return call
        for engine in self.engines:
            if engine.node == node:
                box = await engine.beginnings.tend(call.id)
                return call if box is None else box.call
        await self._order(node, "begin", call.id)
        return call

    async def first_word(self, call: Call) -> Call:
        """The call once it is known whether there are minutes for it."""
        first = flows()[call.type].STATES[0]
        box = self.mailbox(call.id)
        try:
            async with asyncio.timeout(FIRST_WORD_WITHIN_S):
                while box is not None and box.state == first:
                    await box.changed.wait()
                while box is None and flows()[call.type].state(call) == first:
                    await asyncio.sleep(FOLLOW_S)
                    call = await self._stored(call)
        except TimeoutError:
            log.warning("call accepted without knowing its minutes", call=call.id)
        return call if box is None else box.call

    async def cancel_for_good(self, call_id: str) -> bool:
        """Back when no crash can undo the end of the call. False: it is over. Raises Unavailable where that cannot be
        told; it is ended all the same, unless the store lost the order."""
        for engine in self.engines:
            if engine.tends(call_id):
                return await engine.cancel_for_good(call_id)
        stored = await self._calls.load(call_id)
        if stored is None or records.call_of(stored).settled is not None:
            return False
        await self._order(stored.node, "cancel", call_id)
        try:
            async with asyncio.timeout(CANCEL_WITHIN_S):
                while not _is_cancelled(call := records.call_of(stored)):
                    await asyncio.sleep(FOLLOW_S)
                    stored = await self._calls.load(call_id) or stored
        except TimeoutError:
            raise Unavailable("the end of the call was asked for, and nobody has said yet that it ends") from None
        return call.cancelled_at_ms is not None

    async def tell(self, call_id: str, word: Word) -> Call | NotTaken:
        """One more phone, or a word about one, to a live call; back when it is written down, with the call in which it
        is. Its time is set anew, by the clock of the call's PBX. Told twice (the same `ask`), it takes effect once.
        Raises Unavailable where nobody says so soon, UnreadableRecord; asking again is harmless."""
        return await self._telling.tell(call_id, word)

    async def _stored(self, call: Call) -> Call:
        stored = await self._calls.load(call.id)
        return call if stored is None else records.call_of(stored)

    async def _order(self, node: str, what: What, call_id: str, payload: str = "") -> None:
        """One that came twice does no harm, so that a lost answer need not be told. Raises Unavailable."""
        for left in reversed(range(ORDER_TRIES)):
            try:
                return await self._board.order(node, what, call_id, payload)
            except Unavailable:
                if not left:
                    raise
                await asyncio.sleep(ORDER_AGAIN_S)
        return None


def _is_cancelled(call: Call) -> bool:
    return call.cancelled_at_ms is not None or call.is_over or call.settled is not None
