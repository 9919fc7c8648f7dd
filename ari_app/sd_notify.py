"""Tells systemd how the process is: started, stopping, alive. One datagram each; nothing where nobody listens.

Knows the protocol of sd_notify(3) and no call. The watchdog's signs come out of the event loop, so one that hangs gives
none, and is started again.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ari_app.entrypoints.http.doors import Part

READY, STOPPING = "READY=1", "STOPPING=1"
ALIVE = "WATCHDOG=1"
SIGNS_A_PERIOD = 3


class Supervisor:
    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._at = "\0" + path[1:] if path.startswith("@") else path
        is_meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_us = int(environ.get("WATCHDOG_USEC", "0")) if is_meant else 0
        self._status = ""

    def tell(self, *lines: str) -> None:
        """Never raises, never waits: a supervisor that does not listen is no reason to drop a call."""
        if not self._at:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.setblocking(False)
            to.sendto("\n".join(lines).encode(), self._at)

    def told(self, parts: Sequence[Part]) -> None:
        """For `systemctl status`: whether a call can be placed, and what is in the way."""
        faults = "; ".join(f"{part.name}: {part.why}" for part in parts if not part.ok)
        status = f"cannot place calls: {faults}" if faults else "calls can be placed"
        if status != self._status:
            self._status = status
            self.tell(f"STATUS={status}")

    async def keep(self) -> None:
        """Until cancelled."""
        if not (self._at and self.watchdog_us):
            await asyncio.Event().wait()
        while True:
            self.tell(ALIVE)
            await asyncio.sleep(self.watchdog_us / 1e6 / SIGNS_A_PERIOD)
