"""A ledger for the time of one command, on the Redis that the settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ari_app.adapters.redis import schema
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ledger_tools.streams import in_batches

TOOL_TIMEOUT_MS = 15_000
"""A statement of many thousand lines may take its time."""


def _link(url: str) -> Link:
    try:
        return Link(url, timeout_ms=TOOL_TIMEOUT_MS)
    except ValueError as e:  # a port that is none, say
        raise Unavailable(f"this is not the address of a Redis: {e}") from None


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisLedger]:
    """Raises Unavailable where it cannot be reached, or was written by a newer version."""
    link = _link(url)
    try:
        await link.start()
        await schema.check(link, marks=False)
        yield RedisLedger(link)
    finally:
        await link.close()


async def migrate(
    url: str, on_progress: Callable[[int], None] = lambda _done: None
) -> tuple[int, tuple[str, ...]]:  # fmt: skip
    """Bring every account to this version's form now, rather than when it is next touched: how many were changed, and
    whose cannot be read."""
    link = _link(url)
    changed, unsound = 0, list[str]()
    try:
        await link.start()
        await schema.check(link)
        ledger = RedisLedger(link)
        async for payers in in_batches(ledger.payers()):
            for payer, done in zip(payers, await schema.upgrade(link, payers), strict=True):
                changed += done is True
                if done is None:
                    unsound.append(payer)
            on_progress(len(payers))
        await ledger.durable()
    finally:
        await link.close()
    return changed, tuple(unsound)
