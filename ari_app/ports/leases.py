"""Which process owns which node. A lease has a number that grows with every acquisition and goes into every save.

Every method may raise Unavailable; then nobody knows, and the owner lives by its deadline.
"""

import time
from dataclasses import dataclass
from typing import Protocol

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_ms() -> int:
    """The clock of deadlines: it knows no steps, and does not stand still while the host sleeps."""
    return time.clock_gettime_ns(_CLOCK) // 1_000_000


@dataclass(frozen=True, slots=True)
class Lease:
    """`deadline_ms` is by `boot_ms`: the request *sent* + ttl. Past it, act no more.
    `previous` is the number of the last lease that another owner had on this node; 0: none is known."""

    node: str
    owner: str
    number: int
    deadline_ms: int
    previous: int = 0


@dataclass(frozen=True, slots=True)
class HeldBy:
    """Somebody else has it, for at most ttl_ms more unless renewed."""

    owner: str
    number: int
    ttl_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """It is not ours any more: stand down."""


class Leases(Protocol):
    async def acquire(self, node: str, owner: str, ttl_ms: int) -> Lease | HeldBy:
        """A lease with a new number. One that its own owner holds already, or whose owner was a process of this host
        that is dead, is taken over at once; any other is waited for."""

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | Lost:
        """The same number with a later deadline."""

    async def release(self, lease: Lease) -> None:
        """Give it up; harmless if it is not ours any more."""
