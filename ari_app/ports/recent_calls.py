"""Who called whom last, so that one who returns a call that showed the platform's number finds who it was.

Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from typing import Protocol


class RecentCalls(Protocol):
    async def note(self, number: str, user: str, *, at_ms: int, keep_s: int) -> None:
        """This user has called this number (E.164), showing the platform's. Kept so long; the newest counts."""

    async def last(self, number: str) -> str | None:
        """The user who called it last; None: nobody, that is still known."""
