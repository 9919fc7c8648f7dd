"""The Tenants port on Redis: one hash, a tenant's id → its record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec

from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ports.tenants import TENANTS_MAX, Tenant

TENANTS = "{k}:tenants"
TURNS_MAX = 20  # losing so often in a row to others who change the same tenant is a fault

_decode = msgspec.json.Decoder(Tenant).decode
_encode = msgspec.json.Encoder().encode


class RedisTenants:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, tenant: Tenant, most: int = TENANTS_MAX) -> Tenant | None:
        def change(before: Tenant | None) -> Tenant:
            return tenant if before is None else replace(tenant, created_at_ms=before.created_at_ms)

        return await self._change(tenant.id, change, most)

    async def close(self, id: str, at_ms: int) -> Tenant | None:
        def change(before: Tenant | None) -> Tenant | None:
            return before if before is None or before.is_closed else replace(before, closed_at_ms=at_ms)

        return await self._change(id, change)

    async def get(self, id: str) -> Tenant | None:
        raw = await self._link.command("HGET", TENANTS, id)
        return _decode(raw) if raw else None

    async def all(self) -> list[Tenant]:
        found = await self._link.command("HVALS", TENANTS)
        return sorted(map(_decode, found), key=lambda tenant: tenant.id)

    async def _change(
        self, id: str, change: Callable[[Tenant | None], Tenant | None], most: int = TENANTS_MAX
    ) -> Tenant | None:
        for _ in range(TURNS_MAX):
            raw = await self._link.command("HGET", TENANTS, id) or b""
            after = change(_decode(raw) if raw else None)
            if after is None:
                return None
            done = await self._link.script("tenant_put", TENANTS, id, raw, _encode(after), most)
            if done != b"changed":
                return after if done == b"done" else None
        raise Unavailable(f"too many changes of tenant {id} at once; ask again")
