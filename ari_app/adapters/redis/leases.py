"""The Leases port on Redis. A dead owner of this host is not waited for."""

from collections.abc import Callable
from dataclasses import replace

from ari_app.adapters.redis import owner as owners
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError
from ari_app.ports.leases import HeldBy, Lease, Lost, boot_ms


class RedisLeases:
    def __init__(self, link: Link, is_dead: Callable[[str], bool] = owners.is_dead) -> None:
        self._link = link
        self._is_dead = is_dead

    async def acquire(self, node: str, owner: str, ttl_ms: int) -> Lease | HeldBy:
        if not owner or not owner.isprintable():
            raise CallerError(f"owner: one line of text is needed, not {owner!r}")
        dead = b""
        for _ in range(2):
            sent_ms = boot_ms()
            got, what, *left = await self._link.script("acquire", *_keys(node), owner, ttl_ms, dead)
            if got == 1:
                return Lease(node, owner, what, sent_ms + ttl_ms, previous=left[0])
            number, _, other = what.decode().partition(" ")
            if dead or not self._is_dead(other):
                break
            dead = what
        return HeldBy(other, int(number), max(0, left[0]))

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | Lost:
        sent_ms = boot_ms()
        ours = await self._link.script("renew", _keys(lease.node)[0], _stored(lease), ttl_ms)
        return replace(lease, deadline_ms=sent_ms + ttl_ms) if ours == 1 else Lost()

    async def release(self, lease: Lease) -> None:
        await self._link.script("renew", _keys(lease.node)[0], _stored(lease), 0)


def _keys(node: str) -> tuple[str, str]:
    return f"{{n:{node}}}:lease", f"{{n:{node}}}:last-lease"


def _stored(lease: Lease) -> str:
    return f"{lease.number} {lease.owner}"
