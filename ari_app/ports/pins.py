"""What is kept of the PINs with which people dial into a conference, until they run out: each leads one phone to one
call, once. Shapes and the contract only; what a PIN looks like is decided elsewhere (engine/pins.py)."""

from __future__ import annotations

from typing import Protocol


class PinStore(Protocol):
    """Every method may raise Unavailable; asking again is harmless."""

    async def remember(self, call: str, ask: str, pin: str, keep_ms: int) -> str:
        """What this request has got: whatever was given first."""

    async def forget(self, call: str, ask: str) -> None:
        """Of a request whose PIN is somebody else's."""

    async def put(self, pin: str, call: str, keep_ms: int) -> bool:
        """From now on it leads to this call, as it may have done before. False: it is another call's."""

    async def take(self, pin: str, by: str) -> str | None:
        """The call that it leads to; from then on it is nobody else's. None: it leads nowhere, has run out, or was
        taken by another. `by`: who takes it, and gets the same answer again."""

    async def has_any(self) -> bool:
        """Whether any PIN may be good now. May say so for a while after the last one was."""
