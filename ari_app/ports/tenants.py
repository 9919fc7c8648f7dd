"""Who builds on the platform: a tenant's name, how often all its keys together may ask, and whether it is closed.

A tenant is never removed, only closed: what is kept of it stays its own. Knows nothing of what that is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

TENANTS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """`requests_per_s`, `requests_burst`: of all its keys together; None: as the settings say."""

    id: str
    name: str
    created_at_ms: int
    requests_per_s: int | None = None
    requests_burst: int | None = None
    closed_at_ms: int | None = None

    @property
    def is_closed(self) -> bool:
        return self.closed_at_ms is not None


class Tenants(Protocol):
    """Every method may raise Unavailable; asking again is harmless."""

    async def put(self, tenant: Tenant, most: int = TENANTS_MAX) -> Tenant | None:
        """In the place of what was known of it, but for the time at which it was made. None: it would be a new one,
        and there are `most` already."""

    async def close(self, id: str, at_ms: int) -> Tenant | None:
        """One that is closed stays as it was. None: there is none."""

    async def get(self, id: str) -> Tenant | None: ...

    async def all(self) -> list[Tenant]:
        """By id."""
