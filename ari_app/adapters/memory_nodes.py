"""The Board port in this process's memory, beside MemoryLeases: the twin of adapters/redis/nodes.py, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.ports.leases import Lease, boot_ms
from ari_app.ports.nodes import NodeNow, NodeState, Order, What


@dataclass
class _Node:
    told: tuple[NodeState, int] | None = None
    wanted: tuple[str, int] | None = None
    is_drained: bool = False
    orders: dict[int, Order] = field(default_factory=dict)


class MemoryBoard:
    def __init__(
        self,
        leases: MemoryLeases,
        calls: MemoryCalls,
        monotonic_ms: Callable[[], int] = boot_ms,
    ) -> None:
        self._leases, self._calls = leases, calls
        self._now_ms = monotonic_ms
        self._nodes: dict[str, _Node] = {}
        self._names: set[str] = set()
        self._last = 0

    async def all(self) -> list[NodeNow]:
        return [self._now(name, self._nodes[name]) for name in sorted(self._names)]

    async def tell(self, state: NodeState, ttl_ms: int) -> None:
        self._names.add(state.node)
        self._of(state.node).told = state, self._now_ms() + ttl_ms

    async def want(self, node: str, owner: str, ttl_ms: int) -> None:
        self._of(node).wanted = owner, self._now_ms() + ttl_ms

    async def wanted_by(self, node: str) -> str | None:
        wanted = self._of(node).wanted
        return wanted[0] if wanted is not None and self._now_ms() < wanted[1] else None

    async def drain(self, node: str, is_drained: bool) -> bool:
        if node not in self._names:
            return False
        self._of(node).is_drained = is_drained
        return True

    async def forget(self, node: str) -> bool:
        if node not in self._names or self._leases.held(node) is not None or await self._calls.live(node):
            return False
        self._names.discard(node)
        self._nodes.pop(node, None)
        return True

    async def order(self, node: str, what: What, call: str, payload: str = "") -> None:
        self._last += 1
        self._of(node).orders[self._last] = Order(f"{self._last}-0", what, call, payload)

    async def orders(self, node: str, after: str) -> Sequence[Order]:
        behind = int(after.partition("-")[0] or 0)
        return [order for number, order in self._of(node).orders.items() if number > behind]

    async def done(self, lease: Lease, order_id: str) -> bool:
        held = self._leases.held(lease.node)
        if held is None or (held.owner, held.number) != (lease.owner, lease.number):
            return False
        self._of(lease.node).orders.pop(int(order_id.partition("-")[0]), None)
        return True

    def _of(self, node: str) -> _Node:
        return self._nodes.setdefault(node, _Node())

    def _now(self, name: str, node: _Node) -> NodeNow:
        held = self._leases.held(name)
        owner = None if held is None else held.owner
        lease_ms = 0 if held is None else max(0, held.deadline_ms - self._now_ms())
        said = node.told[0] if node.told is not None and self._now_ms() < node.told[1] else None
        is_his = said is not None and held is not None and (said.number, said.owner) == (held.number, held.owner)
        wanted = node.wanted[0] if node.wanted is not None and self._now_ms() < node.wanted[1] else None
        return NodeNow(name, owner, lease_ms, node.is_drained, wanted, said if is_his else None)
