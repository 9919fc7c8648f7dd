"""How a call comes to be tended here: asked for at this process, handed over by another one, or found untended.

The record is written before anything else; whatever is lost after that is found again by somebody.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Cancel, Tick
from ari_app.engine import records
from ari_app.engine.mailbox import Mailbox
from ari_app.flows import flows
from ari_app.ports.calls import Exists, StoredCall

if TYPE_CHECKING:
    from ari_app.engine.engine import Engine

log = structlog.get_logger()

DOUBTFUL_S = 20.0
"""How long one who was told "not available" has to ask again with the same key, before the call is ended."""
SWEEP_S = 5.0
"""A call that is in the node's live set at two looks so far apart, and that nobody tends, is tended."""


class Beginnings:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def start(self, call: Call, user_ids: tuple[str, ...]) -> Call | Mailbox:
        """Create the call and set it going. Returns the call of the same id, if there is one already; the call itself
        where we stood down meanwhile: it is the next owner's.

        Raises Unavailable if the store does not answer; then nothing was begun, or the next process will find it.
        """
        engine = self._engine
        if (ended := engine.ended(call.id)) is not None:
            return ended.call
        try:
            made = await records.create(engine.calls, call, node=engine.node, user_ids=user_ids, fence=engine.fence)
        except Unavailable:
            engine.background(self._end_doubtful(call.id))
            raise
        if isinstance(made, Exists):
            there = await self._go_on_in_turn(made.stored)
            engine.background(self._unlist(there, call.tenant, user_ids))
            return there
        async with engine.turn(call.id):
            if (there_already := engine.mailbox(call.id)) is not None:
                return there_already
            if engine.stood_down.done():
                return call
            box = engine.adopt(call, made.version)
        box.post(Tick(engine.now_ms()))
        engine.told(call, flows()[call.type].STATES[0])
        return box

    async def _go_on_in_turn(self, stored: StoredCall) -> Call:
        turn = self._engine.turn(stored.call_id)
        is_old = turn.locked()
        async with turn:
            now = await self._engine.calls.load(stored.call_id) if is_old else stored
            return self._go_on(now or stored)

    def _go_on(self, stored: StoredCall) -> Call:
        """The call as it is; one that lives and that nobody tends (its creation was answered to nobody) is tended."""
        box = self._engine.mailbox(stored.call_id)
        if box is None:
            call = records.call_of(stored)
            if call.settled is not None or stored.node != self._engine.node or self._engine.stood_down.done():
                return call
            box = self._engine.adopt(call, stored.version)
            box.post(Tick(self._engine.now_ms()))
        return box.call

    async def _unlist(self, there: Call, tenant: str, user_ids: tuple[str, ...]) -> None:
        """A creation takes its places in the lists before it can know that the call is there already, another's
        perhaps, or over."""
        strangers = set(user_ids) - set(records.users_of(there))
        is_over = there.settled is not None and not self._engine.tends(there.id)
        node = self._engine.node if is_over else None
        with suppress(Unavailable):
            await self._engine.calls.unlist(
                there.id, user_ids=sorted(strangers), node=node, tenant="" if tenant == there.tenant else tenant
            )  # fmt: skip

    async def _end_doubtful(self, call_id: str) -> None:
        """The answer to a creation was lost, and whoever asked was told that it failed. If he did not ask again by
        now, and the call is there after all, it must not hang about."""
        engine = self._engine
        await asyncio.sleep(DOUBTFUL_S)
        while engine.mailbox(call_id) is None and not engine.stood_down.done():
            try:
                async with engine.turn(call_id):
                    stored = await engine.calls.load(call_id)
                    is_there = stored is not None and not self._go_on(stored).is_over
            except Unavailable:
                await asyncio.sleep(1)
                continue
            if is_there:
                engine.cancel(call_id)
            return

    # ---- from others --------------------------------------------------------------------------------------------

    async def tend(self, call_id: str, *, is_asked_for: bool = True) -> Mailbox | None:
        """A call of this node that was written down by another process: taken up, and set going or gone on with. None:
        it is over, or not of this node. Raises Unavailable. `is_asked_for`: whoever wrote it down wants it now; else he
        may have been told that it failed, and has time to ask again."""
        engine = self._engine
        if (box := engine.mailbox(call_id)) is not None:
            return box
        async with engine.turn(call_id):
            if (box := engine.mailbox(call_id)) is not None:  # by now
                return box
            stored = await engine.calls.load(call_id)
            if stored is None or stored.node not in (engine.node, ""):  # damaged: told when it is taken up
                return None
            is_late = self._is_late(stored.created_at_ms)
            if not (is_asked_for or is_late or _is_under_way(stored)):
                return None
            box = await engine.take_up(call_id, stored)
        if box is None or box.call.settled is not None:
            return None
        if box.call.asked:  # by an owner before us, after we had looked what there is: phones may be up
            await engine.sight.look_at(box)
        elif not self.end_if_late(box):
            box.post(Tick(engine.now_ms()))
            engine.told(box.call, box.state)
        return box

    def end_if_late(self, box: Mailbox) -> bool:
        """Of a call for which nothing was asked yet: where it lay about for too long, nobody waits for it any more."""
        is_late = not box.call.asked and box.call.settled is None and self._is_late(box.call.created_at_ms)
        if is_late:
            box.post(Cancel(self._engine.now_ms()))
        return is_late

    def _is_late(self, created_at_ms: int) -> bool:
        return self._engine.now_ms() - created_at_ms > 1000 * DOUBTFUL_S

    async def sweep(self) -> None:
        """For ever: whatever way a call got lost on, it is in the node's live set."""
        untended: set[str] = set()
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                found = set(await self._engine.untended())
                for call_id in sorted(found & untended):
                    await self._tend_untended(call_id)
                untended = found
            except Unavailable as e:
                log.warning("no look for untended calls", node=self._engine.node, why=str(e))

    async def _tend_untended(self, call_id: str) -> None:
        try:
            if await self.tend(call_id, is_asked_for=False) is not None:
                log.warning("call taken up that nobody tended", call=call_id)
        except Unavailable:
            raise
        except Exception:  # a fault in one call keeps no other from being tended
            log.exception("call that nobody tends not taken up for a fault", call=call_id)


def _is_under_way(stored: StoredCall) -> bool:
    """Whether anything was asked for it; also of one that cannot be read, which `take_up` tells."""
    try:
        return bool(records.call_of(stored).asked)
    except records.UnreadableRecord:
        return True
