"""An owner's way to the PBX: each process has its own, and only the last one that was opened leads anywhere.

One whose process was paused beyond its lease may still carry out the one request that was being written as it woke.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from ari_app.ports.telephony import LinkLost, PbxEvent
from tests.laws.pbx import LawPbx


class Line:
    """The Telephony port of one process."""

    def __init__(self, pbx: LawPbx) -> None:
        self._pbx = pbx
        self._is_ours = True
        self._strays = 0
        self._queue = pbx.connect()

    @property
    def is_up(self) -> bool:
        return self._is_ours and self._pbx.is_up

    def usurped(self, strays: int) -> None:
        """Another process is the owner from here on. `strays`: requests that still go out."""
        self._is_ours, self._strays = False, strays

    async def events(self) -> AsyncIterator[PbxEvent]:
        while (said := await self._queue.get()) is not None:
            yield said

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._pbx, name)
        return real if name in ("heard_ms",) else self._guarded(real)

    def _guarded(self, real: Callable[..., Any]) -> Callable[..., Any]:
        async def asked(*args: Any, **more: Any) -> Any:
            if not self._is_ours:
                if not self._strays:
                    raise LinkLost("not the owner of this PBX now")
                self._strays -= 1
            return await real(*args, **more)

        return asked
