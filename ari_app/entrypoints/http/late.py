"""The API of a starting process, opened after the live calls were taken up.

What serves it takes as long to load as all the rest of the program. Calls whose phones are up do not wait for that: it
is loaded once they are tended, in a thread, beside them. Where the PBX stays away the API opens soon all the same.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.listening import url_of

if TYPE_CHECKING:
    from ari_app.entrypoints.http.server import Server

OPEN_WITHIN_S = 1.0


class LateServer:
    """On a socket of `listen`. `url` is known at once; whoever asks before `opened` is set is refused by the kernel."""

    def __init__(self, doors: Doors, sock: socket.socket) -> None:
        self._doors = doors
        self._sock = sock
        self.opened = asyncio.Event()

    @property
    def url(self) -> str:
        return url_of(self._sock)

    async def run(self, first: Callable[[], Awaitable[None]]) -> None:
        """Serve until cancelled; what comes `first` is waited for, for OPEN_WITHIN_S at most."""
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_WITHIN_S):
                await first()
        server = await asyncio.to_thread(self._load)
        await server.run()

    def _load(self) -> Server:
        from ari_app.entrypoints.http.app import build
        from ari_app.entrypoints.http.server import Server

        return Server(build(self._doors), self._sock, self.opened)
