"""The RecentCalls port on Redis: for each called number, under its tag, its last callers by the time of the call."""

from __future__ import annotations

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids

KEPT = 5
"""Of one number: a late note of an older call must find the newer one."""


class RedisRecentCalls:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def note(self, number: str, user: str, *, at_ms: int, keep_s: int) -> None:
        check_ids(number=number, payer=user)
        key = _key(number)
        await self._link.transaction(
            [
                ("ZADD", key, "GT", at_ms, user),
                ("ZREMRANGEBYRANK", key, 0, -KEPT - 1),
                ("EXPIRE", key, keep_s),
            ]
        )

    async def last(self, number: str) -> str | None:
        check_ids(number=number)
        found = await self._link.command("ZREVRANGE", _key(number), 0, 0)
        return found[0].decode() if found else None


def _key(number: str) -> str:
    return f"{{d:{number}}}:from"
