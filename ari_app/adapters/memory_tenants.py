"""The Tenants port in this process's memory, for tests."""

from __future__ import annotations

from dataclasses import replace

from ari_app.ports.tenants import TENANTS_MAX, Tenant


class MemoryTenants:
    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}

    async def put(self, tenant: Tenant, most: int = TENANTS_MAX) -> Tenant | None:
        before = self._tenants.get(tenant.id)
        if before is None and len(self._tenants) >= most:
            return None
        at_ms = tenant.created_at_ms if before is None else before.created_at_ms
        self._tenants[tenant.id] = replace(tenant, created_at_ms=at_ms)
        return self._tenants[tenant.id]

    async def close(self, id: str, at_ms: int) -> Tenant | None:
        before = self._tenants.get(id)
        if before is not None and not before.is_closed:
            self._tenants[id] = replace(before, closed_at_ms=at_ms)
        return self._tenants.get(id)

    async def get(self, id: str) -> Tenant | None:
        return self._tenants.get(id)

    async def all(self) -> list[Tenant]:
        return [self._tenants[id] for id in sorted(self._tenants)]
