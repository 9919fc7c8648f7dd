"""What carriers are owed, read for the time of one command on the Redis that the settings name. Writes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ari_app.adapters.redis import schema
from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.link import Link
from ari_app.domain.costing import LegCost, days_of
from ari_app.domain.errors import Unavailable
from ari_app.ports.costs import Costs

TOOL_TIMEOUT_MS = 15_000


@asynccontextmanager
async def opened_costs(url: str, timezone: str) -> AsyncIterator[Costs]:
    """Raises Unavailable where it cannot be reached, or was written by a newer version."""
    try:
        link = Link(url, timeout_ms=TOOL_TIMEOUT_MS)
    except ValueError as e:  # a port that is none, say
        raise Unavailable(f"this is not the address of a Redis: {e}") from None
    try:
        await link.start()
        await schema.check(link, marks=False)
        yield RedisCosts(link, timezone)
    finally:
        await link.close()


async def legs_of(costs: Costs, month: str, trunk: str | None = None) -> AsyncIterator[LegCost]:
    """Day by day and trunk by trunk, within a day in no order. `trunk`: of this one alone."""
    names = await costs.trunks(month) if trunk is None else [trunk]
    for day in days_of(month):
        for name in names:
            async for leg in costs.legs(name, day):
                yield leg
