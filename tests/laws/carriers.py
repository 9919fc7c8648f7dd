"""The trunks of a world, t0 to t2: in some random worlds the first one has few lines, or lets few calls begin a second.

And the laws of their lines: never more than there are, and none that is held for ever by nobody."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.domain.trunks import Trunk
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.ports.lines import STALE_MS
from tests.laws.virtual_time import VirtualLoop

if TYPE_CHECKING:
    from tests.laws.world import World

NAMES = ("t0", "t1", "t2")


class Carriers:
    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self.rng = random.Random(f"carriers {seed}")
        self.most = 0
        self.lines = MemoryLines(loop.now_ms)
        self._loop = loop
        self._trunks = [Trunk(name, "x") for name in NAMES]

    def limit(self) -> None:
        """Before the first process begins; a story that is told has no limits."""
        self.most = self.rng.choice((0, 0, 3))
        self._trunks[0] = Trunk("t0", "x", max_channels=self.most, max_cps=self.rng.choice((0, 0, 1)))

    def gate(self, lines: object) -> TrunkGate:
        """Of one process. `lines`: ours, as that process reaches them."""
        health = TrunkHealth(monotonic_ms=self._loop.now_ms, wall_ms=self._loop.now_ms)
        book = TrunkBook(self._trunks, health)
        return TrunkGate(lines, book, health, self._loop.now_ms)  # type: ignore[arg-type]

    def why_broken(self, world: World) -> str:
        """While one process that sees its PBX is the only one: what it gave up and lives after all is hung up at once,
        and counts no more."""
        if not self.most or world.trouble or world.report.usurpations or world.report.crashes or world.report.cuts:
            return ""
        ours = (chan.id for chan in world.pbx.channels.values() if chan.has_entered)
        live = [one for one in ours if _trunk_of(world, one) == NAMES[0]]
        return f"{len(live)} channels of a trunk that has {self.most}: {live}" if len(live) > self.most else ""

    async def leaked(self, world: World) -> str:
        """After all calls. At once, if nobody died and the store was always there; else when they have gone stale. (One
        who was usurped and does not know it sees his calls live: he has no lease here that would run out.)"""
        left = await self._in_use()
        if left and (world.report.crashes or world.trouble or world.away_until_s):
            await asyncio.sleep(STALE_MS / 1000)
            left = await self._in_use()
        return f"lines in use, and no call: {left}" if left and not world.report.usurpations else ""

    async def _in_use(self) -> dict[str, int]:
        return {name: used for name in NAMES if (used := await self.lines.in_use(name))}


def _trunk_of(world: World, channel: str) -> str:
    """By the call's own routes: its first try may go over any of the trunks."""
    call_id, role, n = channel.split(".")
    return world._call(call_id).leg(role).routes[int(n)].trunk
