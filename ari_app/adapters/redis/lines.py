"""The Lines port on Redis: everything of one trunk under its tag `{t:<trunk>}`, as scripts that read the server's own
clock, so that all processes count by one."""

from __future__ import annotations

from collections.abc import Sequence

from ari_app.adapters.redis.link import Link
from ari_app.ports.lines import FLIGHT_MS, STALE_MS, WINDOW_MS, Full


class RedisLines:
    def __init__(self, link: Link, *, stale_ms: int = STALE_MS, window_ms: int = WINDOW_MS) -> None:
        self._link = link
        self._stale_ms, self._window_ms = stale_ms, window_ms

    async def take(
        self, trunk: str, channel: str, *, max_channels: int, max_cps: int, also: Sequence[str] = ()
    ) -> Full | None:
        times_ms = self._stale_ms, self._window_ms, FLIGHT_MS
        full = await self._link.script(
            "take", _lines(trunk), _begun(trunk), max_channels, max_cps, *times_ms, channel, *also
        )
        if not full:
            return None
        return Full("cps", int(full[1])) if full[0] == b"cps" else Full("channels")

    async def begun(self, trunk: str, channel: str) -> None:
        await self._link.script("begun", _begun(trunk), channel)

    async def free(self, trunk: str, channel: str) -> None:
        await self._link.command("ZREM", _lines(trunk), channel)

    async def seen(self, trunk: str, channels: Sequence[str]) -> None:
        if channels:
            await self._link.script("seen", _lines(trunk), self._stale_ms, *channels)

    async def in_use(self, trunk: str) -> int:
        return int(await self._link.script("lines", _lines(trunk), self._stale_ms))


def _lines(trunk: str) -> str:
    return f"{{t:{trunk}}}:lines"


def _begun(trunk: str) -> str:
    return f"{{t:{trunk}}}:begun"
