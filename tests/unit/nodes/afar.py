"""A node and two processes on virtual time: the one that owns it, with a world's engine, and one that only asks.

What the asking process does in a task of its own has to be named "world …", or it dies with the owner.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from typing import Any

from ari_app.adapters.memory_calls import MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_types import Kind
from ari_app.engine import records
from ari_app.engine.fleet import Fleet, Place
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.orders import Orders
from tests.laws.stories import CALL
from tests.laws.world import PAYER, World, callback_call

NODE = "n"
THERE = Place(NODE, None)


@dataclass
class Troubled:
    """A store or board. `lost`: how many answers of each method are lost after it took effect; `away`: how many
    questions before."""

    inner: Any
    lost: dict[str, int]
    away: dict[str, int]

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.inner, name)

        async def asked(*args: Any, **more: Any) -> Any:
            self._less(self.away, name)
            answer = await real(*args, **more)
            self._less(self.lost, name)
            return answer

        return asked

    def _less(self, left: dict[str, int], name: str) -> None:
        if left.get(name, 0) > 0:
            left[name] -= 1
            raise Unavailable(f"{name}: no answer")


class Afar:
    """`fleet`: of the process that owns nothing."""

    def __init__(self, world: World) -> None:
        def now_ms() -> int:
            return world.loop.now_ms()

        self.world = world
        self.leases = MemoryLeases(monotonic_ms=now_ms)
        self.board = Troubled(MemoryBoard(self.leases, world.calls, now_ms), {}, {})
        self.calls = Troubled(world.calls, {}, {})
        self.fleet = Fleet([], self.board, self.calls)

    async def opened(self, minutes_s: int = 3_600) -> None:
        """Here is the story's task, which outlives every owner."""
        here = asyncio.current_task()
        assert here is not None
        here.set_name("world")
        if minutes_s:
            now_ms = self.world.loop.now_ms()
            await self.world.ledger.grant(op="g", payer=PAYER, kind=Kind.BONUS, seconds=minutes_s, now_ms=now_ms)

    async def owned(self, *, sweeps: bool = False) -> None:
        """A process owns the node from here on, and sees its PBX; until `world.crash()`."""
        lease = LeaseKeeper(self.leases, NODE, f"owner{self.world.fence}", ttl_ms=10**9, margin_ms=1)
        await lease.acquire()
        await self.world.boot()
        engine = self.world.engine
        assert engine is not None
        self._orders = asyncio.create_task(Orders(self.board, lease, engine).run())
        if sweeps:
            self._sweep = asyncio.create_task(engine.beginnings.sweep())
        await engine.until_recovered()

    async def died(self) -> None:
        await self.world.crash()
        for lease in list(self.leases._held.values()):
            await self.leases.release(lease)

    def a_call(self, call_id: str = CALL) -> Call:
        call = callback_call(call_id, random.Random(1), self.world.loop.now_ms())
        terms = replace(call.terms, increment="1/1", slice_s=60, max_duration_s=7_200, confirm_caller=False)
        return replace(call, terms=terms)

    def stored(self, call_id: str = CALL) -> Call:
        return records.decode(self.world.calls._calls[call_id].record)

    async def orders_left(self) -> list[tuple[str, str]]:
        return [(order.what, order.call) for order in await self.board.inner.orders(NODE, "")]
