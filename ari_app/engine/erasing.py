"""Recordings of calls whose details are forgotten are thrown away with them. Noted before the call is closed, so that
no crash leaves one behind; done by whichever process looks next. Knows ports only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.ports.erasing import ToErase
from ari_app.ports.tapes import Tapes

log = structlog.get_logger()

LOOK_S = 10.0
AT_ONCE = 100
AGAIN_MS = 60_000
"""What a PBX that does not answer may have keeps no other from being thrown away."""


class Erasing:
    def __init__(self, to_erase: ToErase, tapes: Tapes, now_ms: Callable[[], int]) -> None:
        self._to_erase = to_erase
        self._tapes = tapes
        self._now_ms = now_ms

    async def note(self, call: Call, at_ms: int) -> None:
        """Its recordings go at that time. May raise Unavailable; asked again, it does no harm."""
        await self._to_erase.note([one.file for one in call.recordings], at_ms)

    async def keep(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except Unavailable as e:
                log.warning("no look for recordings that are to go", why=str(e))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> int:
        """How many were thrown away. Raises Unavailable where the store does not answer."""
        gone = 0
        while files := await self._to_erase.due(self._now_ms(), AT_ONCE):
            erased = [file for file in files if await self._erase(file)]
            await self._to_erase.erased(erased)
            await self._to_erase.put_off([one for one in files if one not in erased], self._now_ms() + AGAIN_MS)
            gone += len(erased)
        if gone:
            log.info("recordings of forgotten calls thrown away", count=gone)
        return gone

    async def _erase(self, file: str) -> bool:
        try:
            await self._tapes.delete(file)
        except Unavailable as e:
            log.warning("a recording that is to go not thrown away yet", recording=file, why=str(e))
            return False
        return True
