"""The ToErase port on Redis: one sorted set, file → when it is to go (ms). Files have no place of their own: whichever
process looks next throws them away."""

from __future__ import annotations

from collections.abc import Sequence

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg

TO_ERASE = "recordings:erase"


class RedisToErase:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def note(self, files: Sequence[str], at_ms: int) -> None:
        if files:
            await self._link.command("ZADD", TO_ERASE, *_told(files, at_ms))

    async def due(self, now_ms: int, most: int) -> list[str]:
        found = await self._link.command("ZRANGEBYSCORE", TO_ERASE, "-inf", now_ms, "LIMIT", 0, most)
        return [file.decode() for file in found]

    async def erased(self, files: Sequence[str]) -> None:
        if files:
            await self._link.command("ZREM", TO_ERASE, *files)

    async def put_off(self, files: Sequence[str], at_ms: int) -> None:
        if files:
            await self._link.command("ZADD", TO_ERASE, "XX", *_told(files, at_ms))


def _told(files: Sequence[str], at_ms: int) -> list[Arg]:
    return [word for file in files for word in (at_ms, file)]
