"""Recordings that are older than the operator keeps them are thrown away. By the day in their names: no record of them
is needed, and none that a call has forgotten stays. Knows the port only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.domain.recordings import day_of
from ari_app.ports.tapes import Tapes

log = structlog.get_logger()

LOOK_S = 3600.0


class Purging:
    def __init__(self, tapes: Tapes, days: int, now_ms: Callable[[], int]) -> None:
        self._tapes = tapes
        self._days = days
        self._now_ms = now_ms

    async def keep(self) -> None:
        """For ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """How many were thrown away. What cannot be now is another time."""
        first = datetime.fromtimestamp(self._now_ms() / 1000, UTC).date() - timedelta(days=self._days)
        gone = 0
        for file in await self._tapes.files():
            if (day := day_of(file)) is not None and day < first:
                try:
                    gone += await self._tapes.delete(file)
                except Unavailable as e:
                    log.warning("an old recording not thrown away", recording=file, why=str(e))
        if gone:
            log.info("old recordings thrown away", count=gone, before=str(first))
        return gone
