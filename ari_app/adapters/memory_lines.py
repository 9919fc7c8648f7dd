"""The Lines port in this process's memory: the twin of adapters/redis/lines.py, for tests."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from ari_app.ports.lines import FLIGHT_MS, STALE_MS, WINDOW_MS, Full


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class MemoryLines:
    def __init__(
        self, now_ms: Callable[[], int] = _monotonic_ms, *, stale_ms: int = STALE_MS, window_ms: int = WINDOW_MS
    ) -> None:
        self._now_ms = now_ms
        self._stale_ms, self._window_ms = stale_ms, window_ms
        self._lines: dict[str, dict[str, int]] = defaultdict(dict)  # trunk → channel → last seen
        self._begun: dict[str, dict[str, int]] = defaultdict(dict)

    async def take(
        self, trunk: str, channel: str, *, max_channels: int, max_cps: int, also: Sequence[str] = ()
    ) -> Full | None:
        now_ms = self._now_ms()
        lines = self._lines[trunk] = _since(self._lines[trunk], now_ms - self._stale_ms)
        new = [one for one in (channel, *also) if one not in lines]
        if max_channels and len(lines) + len(new) > max_channels:
            return Full("channels")
        begun = self._begun[trunk] = _since(self._begun[trunk], now_ms - self._window_ms)
        if max_cps and channel not in begun:
            if len(begun) >= max_cps:
                first_ms = min(sorted(begun.values())[len(begun) - max_cps], now_ms)
                return Full("cps", max(1, first_ms + self._window_ms - now_ms))
            begun[channel] = now_ms + FLIGHT_MS - self._window_ms
        lines.update(dict.fromkeys(new, now_ms))
        return None

    async def begun(self, trunk: str, channel: str) -> None:
        if channel in self._begun[trunk]:
            self._begun[trunk][channel] = self._now_ms()

    async def free(self, trunk: str, channel: str) -> None:
        self._lines[trunk].pop(channel, None)

    async def seen(self, trunk: str, channels: Sequence[str]) -> None:
        self._lines[trunk].update(dict.fromkeys(channels, self._now_ms()))

    async def in_use(self, trunk: str) -> int:
        return len(_since(self._lines[trunk], self._now_ms() - self._stale_ms))


def _since(times_ms: dict[str, int], after_ms: int) -> dict[str, int]:
    return {channel: at_ms for channel, at_ms in times_ms.items() if at_ms > after_ms}
