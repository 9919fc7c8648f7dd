"""A trunk's legs out of Redis, one day after another, for who does not live in an event loop: a settlement computes for
minutes, and must stop at once where somebody ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence

from ari_app.domain.costing import LegCost
from ari_app.trunk_tools.costs import opened_costs

BATCH = 1000


def legs_in(url: str, timezone: str, trunk: str, days: Sequence[str]) -> Iterator[LegCost]:
    """Raises Unavailable."""
    with asyncio.Runner() as runner:
        store = opened_costs(url, timezone)
        costs = runner.run(store.__aenter__())
        try:
            for day in days:
                legs = costs.legs(trunk, day)
                while batch := runner.run(_some(legs)):
                    yield from batch
        finally:
            runner.run(store.__aexit__(None, None, None))


async def _some(legs: AsyncIterator[LegCost]) -> list[LegCost]:
    batch: list[LegCost] = []
    async for leg in legs:
        batch.append(leg)
        if len(batch) == BATCH:
            break
    return batch
