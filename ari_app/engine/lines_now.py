"""How many lines of each trunk are in use, over all processes: for whoever accepts a call, shows the trunks, or counts.
A moment old; what must not be exceeded is asked of the store itself (trunk_gate.py)."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.domain.trunks import Trunk
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.lines import Lines

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
FRESH_S = 0.1
"""For a call that is to be accepted: a look that is older is made anew."""
TAKEN_WITHIN_S = 0.3
"""A call that was accepted has taken its lines by then."""


class LinesNow:
    def __init__(self, lines: Lines, trunks: TrunkBook, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = lines
        self._trunks = trunks
        self._clock = clock
        self._in_use: dict[str, int] = {}
        self._looked_s = float("-inf")
        self._looking: asyncio.Task[None] | None = None
        self._accepted: dict[str, list[float]] = defaultdict(list)  # trunk → when a line of it was spoken for, here

    @property
    def in_use(self) -> Mapping[str, int]:
        """Trunk → lines, at most a second ago. One that was not looked at yet is left out."""
        return self._in_use

    async def are_full(self, trunks: Iterable[Trunk], need: int) -> bool:
        """Whether none of them has so many lines now."""
        trunks = list(trunks)
        if not trunks or any(not trunk.max_channels for trunk in trunks):
            return False
        if self._clock() - self._looked_s > FRESH_S:
            await self._together()
        return all(self._free(trunk) < need for trunk in trunks)

    def free(self, name: str) -> int | None:
        """Lines of this trunk, as of the last look; None: it has no limit, or is in force no more."""
        trunk = self._trunks.find(name)
        return None if trunk is None or not trunk.max_channels else max(0, self._free(trunk))

    def _free(self, trunk: Trunk) -> int:
        return trunk.max_channels - self._in_use.get(trunk.name, 0) - len(self._lately(trunk.name))

    def _lately(self, trunk: str) -> list[float]:
        since_s = self._clock() - TAKEN_WITHIN_S
        found = self._accepted[trunk] = [at_s for at_s in self._accepted[trunk] if at_s > since_s]
        return found

    def accepted(self, trunk: str) -> None:
        """A call that is about to be accepted here will take a line of it."""
        if self._is_limited(trunk):
            self._lately(trunk).append(self._clock())

    def not_accepted(self, trunk: str) -> None:
        """After all: it was refused, and takes none. Who is refused over and over keeps no line from others."""
        if accepted := self._accepted.get(trunk):
            accepted.pop()

    def _is_limited(self, name: str) -> bool:
        trunk = self._trunks.find(name)
        return trunk is not None and trunk.max_channels > 0

    async def keep(self) -> None:
        """For as long as the process lives."""
        while True:
            await self._together()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _together(self) -> None:
        """Many who ask at once look once."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        await asyncio.wait({self._looking})

    async def _look(self) -> None:
        """Where the store does not answer, nothing is known to be full."""
        names = [trunk.name for trunk in self._trunks.trunks]
        try:
            found = await asyncio.gather(*map(self._lines.in_use, names))
        except Unavailable:
            found = []
        except Exception:
            log.exception("lines not looked at")
            found = []
        self._in_use = dict(zip(names, found, strict=False))
        self._looked_s = self._clock()
