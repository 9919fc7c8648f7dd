"""Processes that share one node: real leases, board and engines in memory, and a PBX whose last link is the one that
counts. Real time, with short waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.engine.engine import Engine
from ari_app.engine.keeping import Keeping
from ari_app.engine.node import Node, Reign
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.perform import Performer
from ari_app.ports.nodes import NodeNow
from ari_app.ports.telephony import LinkUp, PbxEvent, Replaced, Snapshot
from tests.laws.world import NoMonths
from tests.support import until
from tests.unit.nodes.afar import Troubled

NODE = "pbx1"
TTL_MS = 300


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Exchange:
    """The PBX: who connects last has it, and the one before is told so."""

    def __init__(self) -> None:
        self.holder: Link | None = None
        self.links: list[Link] = []
        self.is_there = asyncio.Event()
        self.is_there.set()

    def taken_by(self, link: Link | None) -> None:
        if self.holder is not None and self.holder is not link:
            self.holder.say(Replaced())
        self.holder = link


class Link:
    """A PbxLink without calls."""

    def __init__(self, exchange: Exchange) -> None:
        self.fault = ""
        self.is_closed = False
        self.dies_of: Exception | None = None
        self.is_up, self.heard_ms = True, 0
        self._exchange = exchange
        self._said: asyncio.Queue[PbxEvent | None] = asyncio.Queue()
        self._closing = asyncio.Event()
        exchange.links.append(self)

    def say(self, event: PbxEvent) -> None:
        self._said.put_nowait(event)

    async def run(self) -> None:
        await self._exchange.is_there.wait()
        self._exchange.taken_by(self)
        self.say(LinkUp(Snapshot(now_ms(), {}, {})))
        await self._closing.wait()
        if self.dies_of is not None:
            raise self.dies_of

    def die(self, why: Exception) -> None:
        self.dies_of = why
        self._closing.set()

    async def events(self) -> AsyncIterator[PbxEvent]:
        while (said := await self._said.get()) is not None:
            yield said

    async def look(self) -> Snapshot:
        return Snapshot(now_ms(), {}, {})

    async def close(self) -> None:
        self.is_closed = True
        self._closing.set()
        self._said.put_nowait(None)


class House:
    """What processes share, and the processes."""

    def __init__(self) -> None:
        leases, calls = MemoryLeases(), MemoryCalls()
        self.held = leases.held
        self.exchange = Exchange()
        self.leases, self.calls = Troubled(leases, {}, {}), Troubled(calls, {}, {})
        self.board = Troubled(MemoryBoard(leases, calls), {}, {})
        self.processes: list[Process] = []

    async def seen(self) -> NodeNow | None:
        return next(iter(await self.board.inner.all()), None)

    def owner(self) -> str | None:
        held = self.held(NODE)
        return None if held is None else held.owner

    async def stolen(self) -> Any:
        """Its lease has run out, and another process has it now; it shares our Redis, and not our PBX yet."""
        held = self.held(NODE)
        assert held is not None
        await self.leases.inner.release(held)
        return await self.leases.inner.acquire(NODE, "thief", 60_000)

    async def torn_down(self) -> None:
        for process in self.processes:
            await process.killed()


class Process:
    def __init__(
        self, house: House, name: str, *, is_home: bool = True, has_trunk: Callable[[], bool] = lambda: True
    ) -> None:
        self.house, self.name = house, name
        self.stood_down: list[str] = []
        lease = LeaseKeeper(house.leases, NODE, name, ttl_ms=TTL_MS, margin_ms=50)
        self.lease = lease
        self.node = Node(
            NODE, lease=lease, board=house.board, make=self._reign, calls_max=7, is_home=is_home,
            has_trunk=has_trunk, stood_down=lambda _node, why: self.stood_down.append(why),
        )  # fmt: skip
        self.running = asyncio.create_task(self.node.run())
        house.processes.append(self)

    @property
    def owns(self) -> bool:
        """And sees the PBX."""
        return self.node.engine is not None and self.node.engine.sees_pbx

    @property
    def link(self) -> Link:
        assert self.node.reign is not None
        return self.node.reign.telephony  # type: ignore[return-value]

    async def killed(self) -> None:
        """Without a word: its lease runs out."""
        self.running.cancel()
        with suppress(asyncio.CancelledError, Exception):  # what it died of is told by the test that wants to know
            await self.running

    async def left(self) -> None:
        await self.killed()
        await self.node.leave()

    def _reign(self) -> Reign:
        link, ledger = Link(self.house.exchange), MemoryLedger()
        engine = Engine(
            node=NODE, telephony=link, calls=self.house.calls, ledger=ledger,  # type: ignore[arg-type]
            costs=MemoryCosts(),
            performer=Performer(link, ledger, now_ms, NoMonths()), now_ms=now_ms,  # type: ignore[arg-type]
            alive_mark_s=0.05, keeping=Keeping(60),
        )  # fmt: skip
        return Reign(engine, link)  # type: ignore[arg-type]


async def owning(house: House, name: str = "a", *, is_home: bool = True) -> Process:
    process = Process(house, name, is_home=is_home)
    await until(lambda: process.owns)
    return process


async def told_open(house: House, owner: str) -> None:
    async def is_told() -> bool:
        now = await house.seen()
        return now is not None and now.is_open and now.owner == owner

    await until(is_told, what=f"{owner} tells that {NODE} is open")
