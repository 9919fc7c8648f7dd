"""A board with the leases and the calls of the same store, and short words for what processes do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.nodes import RedisBoard
from ari_app.ports.calls import Calls
from ari_app.ports.leases import Lease, Leases
from ari_app.ports.nodes import Board, NodeNow, NodeState, Order

LONG_MS = 60_000
AT_MS = 1_795_422_792_123


def _lives(_owner: str) -> bool:
    return False


@dataclass
class NodesStore:
    board: Board
    leases: Leases
    calls: Calls

    @staticmethod
    def in_memory() -> NodesStore:
        leases, calls = MemoryLeases(), MemoryCalls()
        return NodesStore(MemoryBoard(leases, calls), leases, calls)

    @staticmethod
    def in_redis(link: Link) -> NodesStore:
        return NodesStore(RedisBoard(link), RedisLeases(link, _lives), RedisCalls(link))

    async def owned(self, node: str = "pbx1", owner: str = "me", ttl_ms: int = LONG_MS) -> Lease:
        lease = await self.leases.acquire(node, owner, ttl_ms)
        assert isinstance(lease, Lease), lease
        return lease

    async def told(
        self, lease: Lease, *, is_open: bool = True, why: str = "", live: int = 0, ttl_ms: int = LONG_MS
    ) -> NodeState:
        state = NodeState(lease.node, lease.owner, lease.number, is_open, why, live, 10, AT_MS)
        await self.board.tell(state, ttl_ms)
        return state

    async def live_call(self, node: str = "pbx1", call: str = "c1") -> None:
        await self.calls.create(call, b"{}", node=node, user_ids=["alice"], created_at_ms=AT_MS, events=[])

    async def now(self, node: str = "pbx1") -> NodeNow | None:
        return next((one for one in await self.board.all() if one.node == node), None)

    async def seen(self, node: str = "pbx1") -> NodeNow:
        now = await self.now(node)
        assert now is not None, f"{node} is not on the board"
        return now

    async def orders(self, node: str = "pbx1", after: str = "") -> Sequence[Order]:
        """All that are left, asked for as often as that takes."""
        found = list(await self.board.orders(node, after))
        return found + list(await self.orders(node, found[-1].id)) if found else []
