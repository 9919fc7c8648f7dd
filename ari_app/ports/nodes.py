"""What processes tell each other about nodes: who has which, how it is, and what is asked of its owner.

A board, not a truth: calls are in the Calls store and ownership in the Leases. What is lost here is found there.
Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.ports.leases import Lease


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a node's owner tells of it, about once a second. `number` is that of its lease. `why`: where it takes no
    call, what is missing."""

    node: str
    owner: str
    number: int
    is_open: bool
    why: str
    live: int
    calls_max: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class NodeNow:
    """A node as anybody sees it. `owner`: who has the lease now, None: nobody. `told`: by that owner under that lease,
    and not long ago; None: nothing. `wanted_by`: a process whose home it is and that waits for it."""

    node: str
    owner: str | None
    lease_ms: int
    is_drained: bool
    wanted_by: str | None
    told: NodeState | None

    @property
    def is_open(self) -> bool:
        return self.told is not None and self.told.is_open and not self.is_drained


What = Literal["begin", "cancel", "tell"]


@dataclass(frozen=True, slots=True)
class Order:
    """Asked of a node's owner by another process. The call lies in the store; ids grow. `payload`: what it is told."""

    id: str
    what: What
    call: str
    payload: str = ""


class Board(Protocol):
    async def all(self) -> list[NodeNow]:
        """Every node that was ever told of and not forgotten, by name."""

    async def tell(self, state: NodeState, ttl_ms: int) -> None: ...

    async def want(self, node: str, owner: str, ttl_ms: int) -> None:
        """A process at home there waits for it."""

    async def wanted_by(self, node: str) -> str | None: ...

    async def drain(self, node: str, is_drained: bool) -> bool:
        """New calls go elsewhere, live ones go on; or the reverse. False: there is no such node."""

    async def forget(self, node: str) -> bool:
        """A node that is gone for good. False: there is none, or it has an owner."""

    async def order(self, node: str, what: What, call: str, payload: str = "") -> None:
        """For whoever owns the node, now or next."""

    async def orders(self, node: str, after: str) -> Sequence[Order]:
        """Not done yet, oldest first, from behind that id on ("": from the first)."""

    async def done(self, lease: Lease, order_id: str) -> bool:
        """Off the list. False: the lease is not ours any more, and it stays for the next owner."""
