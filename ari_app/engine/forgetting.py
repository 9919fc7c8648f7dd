"""How a call that has ended is let go of: only once all that must outlive it is safe.

Knows ports only; decides nothing about the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from ari_app.domain.call import Call
from ari_app.domain.costing import leg_costs
from ari_app.domain.errors import Unavailable
from ari_app.engine.keeping import Keeping
from ari_app.engine.perform import Performer
from ari_app.ports.calls import Calls
from ari_app.ports.costs import Costs
from ari_app.ports.ledger import Ledger

if TYPE_CHECKING:
    from ari_app.engine.mailbox import Mailbox

log = structlog.get_logger()

AGAIN_S = 1

Over = Callable[[Call], Awaitable[None]]
EraseAt = Callable[[Call, int], Awaitable[None]]


class Forgetting:
    """`over`: told of each call that has ended, before it is forgotten; asked again where it raises Unavailable.
    `erase_at`: told, likewise, of one whose details go before it does, and when (ms)."""

    def __init__(
        self, *, node: str, calls: Calls, ledger: Ledger, costs: Costs, performer: Performer, keeping: Keeping,
        now_ms: Callable[[], int], over: Over | None, erase_at: EraseAt | None = None,
    ) -> None:  # fmt: skip
        self._node = node
        self._calls = calls
        self._ledger = ledger
        self.costs = costs
        self._performer = performer
        self._keeping = keeping
        self._now_ms = now_ms
        self.over = over
        self._erase_at = erase_at

    async def safely(self, box: Mailbox, may_be_lost: bool) -> None:
        """Out of the live set only when its settlement is on disk, and what is owed for it noted; if that was lost,
        settle again (same operation), save again how it ended, and note again (each leg counts once)."""
        call = box.call
        while True:
            try:
                box.is_noted = call.is_forgotten
                if not call.is_forgotten:  # else all that was done when it was closed first
                    await self._make_safe(box, call, may_be_lost=may_be_lost)
                await self._close(call)
                return
            except Unavailable as e:
                log.warning("settled call not closed yet", call=call.id, why=str(e))
            except Exception:
                log.exception("settled call not closed yet", call=call.id)
            may_be_lost = True
            await asyncio.sleep(AGAIN_S)

    async def _make_safe(self, box: Mailbox, call: Call, *, may_be_lost: bool) -> None:
        if may_be_lost:
            await self._performer.settle_again(call)
            await box.save_if_lost()
        await self.costs.note(leg_costs(call))
        box.is_noted = True
        if self.over is not None:
            await self.over(call)
        await self._ledger.durable()

    async def _close(self, call: Call) -> None:
        """With when its details go, if they do before it. A crash in the midst leaves it to be closed again."""
        until_ms = self._keeping.details_until_ms(call)
        if until_ms is not None and call.recordings and self._erase_at is not None:
            await self._erase_at(call, until_ms)
        rest = self._keeping.rest_of(call, self._now_ms())
        await self._calls.close(call.id, self._node, self._keeping.call_s, rest)
