"""Recordings that are to be thrown away at a certain time, by their files' names. Knows no call and no PBX.

Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ToErase(Protocol):
    async def note(self, files: Sequence[str], at_ms: int) -> None:
        """Each from then on; noted again, the last word counts."""

    async def due(self, now_ms: int, most: int) -> Sequence[str]:
        """Those whose time has come, the longest due first; they stay until they are `erased`."""

    async def erased(self, files: Sequence[str]) -> None: ...

    async def put_off(self, files: Sequence[str], at_ms: int) -> None:
        """They could not be thrown away now; those that are gone from here meanwhile stay gone."""
