"""What other processes ask of a node's owner: carry out, then take off the list. The call itself is in the store, so an
order may be lost, come twice, or come to the next owner: it says only what to look at."""

from __future__ import annotations

import asyncio

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.engine.admission import Admission
from ari_app.engine.beginnings import DOUBTFUL_S
from ari_app.engine.engine import Engine
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.telling import tell_here, word_of
from ari_app.ports.nodes import Board, Order

log = structlog.get_logger()

LOOK_S = 0.05
AGAIN_S = 0.5
ROOM_AGAIN_S = 0.1


class Orders:
    def __init__(self, board: Board, lease: LeaseKeeper, engine: Engine) -> None:
        self._board, self._lease, self._engine = board, lease, engine
        self._after = ""

    async def run(self) -> None:
        """Until cancelled, and what is under way with it."""
        async with asyncio.TaskGroup() as under_way:
            while True:
                try:
                    for order in await self._board.orders(self._engine.node, self._after):
                        self._after = order.id
                        under_way.create_task(self._until_done(order))
                except Unavailable:
                    await asyncio.sleep(AGAIN_S)
                await asyncio.sleep(LOOK_S)

    async def _until_done(self, order: Order) -> None:
        while True:
            try:
                await self._carry_out_if_it_can_be(order)
                await self._board.done(self._lease.lease, order.id)
                return
            except Unavailable as e:
                log.warning("order not carried out, trying again", what=order.what, call=order.call, why=str(e))
                await asyncio.sleep(AGAIN_S)

    async def _carry_out_if_it_can_be(self, order: Order) -> None:
        try:
            await self._carry_out(order)
        except Unavailable:
            raise
        except Exception:  # a fault in one call; it is in the node's live set, and is looked at again without an order
            log.exception("order stopped by a fault", what=order.what, call=order.call)

    async def _carry_out(self, order: Order) -> None:
        engine = self._engine
        if order.what == "begin" and engine.mailbox(order.call) is None:
            return await self._begin(order.call)
        box = await engine.beginnings.tend(order.call)
        if box is not None and order.what == "cancel":
            await engine.cancel_for_good(order.call)
        if box is not None and order.what == "tell":
            await self._tell(box, order)
        return None

    async def _tell(self, box: Mailbox, order: Order) -> None:
        """Whoever asked reads in the record what became of it."""
        if not self._engine.tends(order.call):
            return
        word = word_of(order.payload)
        if word is None:
            log.error("a word that this version does not understand", call=order.call)
        else:
            await tell_here(box, word)

    async def _begin(self, call: str) -> None:
        """When this PBX has room for one more: whoever wrote the call down could not know how busy it is. One that
        waits for too long is ended, whatever the clocks say: its turn never came."""
        engine, admission = self._engine, self._engine.admission
        for _ in range(round(DOUBTFUL_S / ROOM_AGAIN_S)):
            if engine.mailbox(call) is not None:  # asked for here, too
                return
            if admission is None:
                await engine.beginnings.tend(call)
                return
            if admission.admit(call, is_last_word=False):
                await self._let_in(call, admission)
                return
            await asyncio.sleep(ROOM_AGAIN_S)
        if engine.mailbox(call) is None and await engine.beginnings.tend(call) is not None:
            engine.cancel(call)

    async def _let_in(self, call: str, admission: Admission) -> None:
        box = None
        try:
            box = await self._engine.beginnings.tend(call)
        finally:
            admission.placed(call, has_begun=box is not None)
