"""Reading very many accounts, some at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator

BATCH = 200
"""Accounts on the way at once: enough to keep Redis busy, few enough to hold."""


async def in_batches(payers: AsyncIterator[str], size: int = BATCH) -> AsyncIterator[list[str]]:
    batch: list[str] = []
    async for payer in payers:
        batch.append(payer)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
