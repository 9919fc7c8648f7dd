"""The RecentCalls port in this process's memory, for tests."""

from __future__ import annotations

from collections.abc import Callable

from ari_app.domain.ledger_types import check_ids


class MemoryRecentCalls:
    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._last: dict[str, tuple[int, str, int]] = {}

    async def note(self, number: str, user: str, *, at_ms: int, keep_s: int) -> None:
        check_ids(number=number, payer=user)
        before = await self._entry(number)
        if before is None or before[0] <= at_ms:
            self._last[number] = (at_ms, user, self._now_ms() + 1000 * keep_s)

    async def last(self, number: str) -> str | None:
        check_ids(number=number)
        entry = await self._entry(number)
        return None if entry is None else entry[1]

    async def _entry(self, number: str) -> tuple[int, str, int] | None:
        entry = self._last.get(number)
        return None if entry is None or entry[2] <= self._now_ms() else entry
