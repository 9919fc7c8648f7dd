"""Which process owns the PBX: keeps the lease, and says before each request whether it still is ours.

No number fences Asterisk, so the owner looks at its own deadline (boot clock; last renewal *sent* + lease -
margin) before it asks anything of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.ports.leases import HeldBy, Lease, Leases, Lost, boot_ms

log = structlog.get_logger()

AGAIN_S = 0.25
"""While the store is away: what waits for us to be the owner again waits no longer than it must."""


async def _nothing(_held: HeldBy) -> None:
    pass


class LeaseKeeper:
    def __init__(self, leases: Leases, node: str, owner: str, *, ttl_ms: int, margin_ms: int) -> None:
        self._leases, self._node, self.owner = leases, node, owner
        self._ttl_ms, self._margin_ms = ttl_ms, margin_ms
        self._lease: Lease | None = None

    @property
    def lease(self) -> Lease:
        assert self._lease is not None, "asked before it was acquired, or after it was lost"
        return self._lease

    @property
    def number(self) -> int:
        return self.lease.number

    @property
    def left_ms(self) -> int:
        """Until we may act no more; 0 or less: we may not."""
        lease = self._lease
        return 0 if lease is None else lease.deadline_ms - self._margin_ms - boot_ms()

    def is_ours(self) -> bool:
        """Asked before each request to the PBX: past our deadline somebody else may own it."""
        return self.left_ms > 0

    async def acquire(self, waiting: Callable[[HeldBy], Awaitable[None]] = _nothing) -> None:
        """Waits while somebody else lives and owns it, and tells `waiting` so at every look. May raise Unavailable."""
        told = ""
        while (held := await self.take()) is not None:
            if held.owner != told:
                log.warning("waiting: another process owns this PBX", node=self._node, owner=held.owner)
                told = held.owner
            await waiting(held)
            await asyncio.sleep(min(max(held.ttl_ms, 50), 500) / 1000)

    async def take(self) -> HeldBy | None:
        """Without waiting. None: it is ours now; else who has it. May raise Unavailable."""
        answer = await self._leases.acquire(self._node, self.owner, self._ttl_ms)
        if isinstance(answer, HeldBy):
            return answer
        self._lease = answer
        return None

    async def keep(self, lost: Callable[[str], None]) -> None:
        """Renew until it is lost. Redis away: ours still while our deadline lasts, and again once it is back, if nobody
        else took it meanwhile."""
        is_away = False
        while self._lease is not None:
            pause_s = self._ttl_ms / 3000
            await asyncio.sleep(min(AGAIN_S, pause_s) if is_away else pause_s)
            try:
                self._lease, is_away = await self._renewed(self._lease), False
            except Unavailable as e:
                if not is_away:
                    log.warning("lease not renewed", node=self._node, why=str(e))
                is_away = True
        lost(f"another process took the lease on {self._node}")
        await asyncio.Event().wait()

    async def _renewed(self, lease: Lease) -> Lease | None:
        answer = await self._leases.renew(lease, self._ttl_ms)
        if not isinstance(answer, Lost):
            return answer
        again = await self._leases.acquire(self._node, self.owner, self._ttl_ms)
        if isinstance(again, HeldBy):
            return None
        if again.previous > lease.number:  # somebody had it in between, and may have acted on the PBX
            await self._leases.release(again)
            return None
        return again

    async def is_lost(self) -> bool:
        """Asked of the store itself, now: whether another process has the node, or had it since we did. Raises
        Unavailable."""
        self._lease = None if self._lease is None else await self._renewed(self._lease)
        return self._lease is None

    async def release(self) -> None:
        if self._lease is not None:
            lease, self._lease = self._lease, None
            await self._leases.release(lease)
