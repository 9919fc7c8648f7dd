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
from ari_app.engine.perform import Performer
from ari_app.ports.calls import Calls
from ari_app.ports.costs import Costs
from ari_app.ports.ledger import Ledger

if TYPE_CHECKING:
    from ari_app.engine.mailbox import Mailbox

log = structlog.get_logger()

AGAIN_S = 1

Over = Callable[[Call], Awaitable[None]]


class Forgetting:
    """`over`: told of each call that has ended, before it is forgotten; asked again where it raises Unavailable."""

    def __init__(
        self, *, node: str, calls: Calls, ledger: Ledger, costs: Costs, performer: Performer, retention_s: int,
        over: Over | None,
    ) -> None:  # fmt: skip
        self._node = node
        self._calls = calls
        self._ledger = ledger
        self.costs = costs
        self._performer = performer
        self._retention_s = retention_s
        self.over = over

    async def safely(self, box: Mailbox, may_be_lost: bool) -> None:
        """Out of the live set only when its settlement is on disk, and what is owed for it noted; if that was lost,
        settle again (same operation), save again how it ended, and note again (each leg counts once)."""
        call = box.call
        while True:
            try:
                if may_be_lost:
                    await self._performer.settle_again(call)
                    await box.save_if_lost()
                await self.costs.note(leg_costs(call))
                if self.over is not None:
                    await self.over(call)
                await self._ledger.durable()
                await self._calls.close(call.id, self._node, self._retention_s)
                return
            except Unavailable as e:
                log.warning("settled call not closed yet", call=call.id, why=str(e))
            except Exception:
                log.exception("settled call not closed yet", call=call.id)
            may_be_lost = True
            await asyncio.sleep(AGAIN_S)
