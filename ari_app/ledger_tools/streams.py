"""Reading very many accounts, some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Account, Ledger

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


async def read_all(ledger: Ledger, payers: Sequence[str]) -> list[Account | Exception]:
    """Of each his account, or why it cannot be read. Raises Unavailable where Redis goes away."""
    found = await asyncio.gather(*(ledger.read_account(payer) for payer in payers), return_exceptions=True)
    read: list[Account | Exception] = []
    for one in found:
        if isinstance(one, Unavailable) or not isinstance(one, Account | Exception):
            raise one
        read.append(one)
    return read
