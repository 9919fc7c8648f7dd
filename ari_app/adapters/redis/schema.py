"""Which form of data lies in Redis, so that no version writes over what it does not understand.

An account says itself in which form it is, and is brought up to date when it is next written; `upgrade` does so now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from ari_app.adapters.redis.ledger import keys
from ari_app.adapters.redis.link import Link, RedisFault
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

SCHEMA = 2
"""2: accounts know whether their month was granted through a number, and what went to the archive; settlements have
their time. 1: neither; it left no mark in Redis."""
MARK = "ringbridge:schema"


async def check(link: Link, *, marks: bool = True) -> None:
    """Mark it as this version's (only look, for who only reads). Raises Unavailable where a newer one has written."""
    found = await link.get(MARK)
    if found is not None and not found.isdigit():
        raise Unavailable(f"Redis: {MARK} is {found!r}, which no version writes")
    if found is not None and int(found) > SCHEMA:
        raise Unavailable(
            f"Redis was written by a newer Ringbridge (schema {int(found)}; this version knows {SCHEMA}): use that one"
        )
    if marks and (found is None or int(found) < SCHEMA):
        await link.swap(MARK, found, str(SCHEMA).encode())
        log.info("schema marked", schema=SCHEMA, before=int(found) if found else None)


async def upgrade(link: Link, payers: Sequence[str]) -> list[bool | None]:
    """For each: whether it was of an older form; None: it cannot be read, and was left as it is."""
    done = await asyncio.gather(*(link.script("upgrade", *keys(payer)) for payer in payers), return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException) and not isinstance(one, RedisFault):
            raise one
    return [None if isinstance(one, RedisFault) else one == 1 for one in done]
