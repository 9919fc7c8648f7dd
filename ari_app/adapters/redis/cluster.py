"""The masters of a Redis Cluster, and which slots are whose. Knows redirections; nothing of what the commands do.

The map of slots is read from the nodes at the start, when one says that a slot is another's (MOVED), and again and
again while a master is away. A node that is away makes only its own slots Unavailable.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import NamedTuple

import hiredis
import structlog

from ari_app.adapters.redis.address import Address, Where
from ari_app.adapters.redis.disk import MARKER
from ari_app.adapters.redis.lane import BACKOFF_S
from ari_app.adapters.redis.master import Habits, Master
from ari_app.adapters.redis.refusals import REDIRECTS, word_of
from ari_app.adapters.redis.slots import SLOTS, key_of, name_in, slot_of
from ari_app.adapters.redis.topology import Node, Topology, topology
from ari_app.adapters.redis.wire import Arg, Reply, all_of
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

FOLLOWED_MAX = 5
ASKED_MAX = 6  # nodes asked at once who serves what
AGAIN_S = 0.1  # two looks at the map are never closer together
INTRODUCED_S = 60.0


class Followed(NamedTuple):
    replies: list[Reply]
    by: Master
    run_id: str


class Cluster:
    """See Masters in link.py."""

    is_one = False

    def __init__(self, where: Where, habits: Habits, on_change: Callable[[bool], None]) -> None:
        self._seeds = where.addresses
        self._habits = habits
        self._on_change = on_change
        self._slots: list[Master | None] = [None] * SLOTS
        self._masters: dict[Node, Master] = {}
        self._nodes: tuple[Node, ...] = ()  # replicas, too
        self._introductions: dict[Node, asyncio.Task[None]] = {}
        self._is_up = False
        self._why = "not connected yet"
        self._stale = asyncio.Event()
        self._looked = asyncio.Event()  # at the map, for the first time
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_up(self) -> bool:
        """Every slot is served, by a master that can be reached."""
        return self._looked.is_set() and None not in self._slots and all(one.is_up for one in self._masters.values())

    async def start(self, within_s: float) -> None:
        """Masters that cannot be reached in time make no failure as long as one can."""
        self._stale.set()
        self._background(self._keep())
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._looked.wait()
                await asyncio.wait(self._introductions.values())
        if not any(one.is_up for one in self.all()):
            raise Unavailable(self._why)
        if not self.is_up:
            away = ", ".join(f"{host}:{port}" for (host, port), one in self._masters.items() if not one.is_up)
            log.warning("part of the redis cluster is out of reach: its accounts must wait", away=away)

    async def close(self) -> None:
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(one.close() for one in self.all()))

    # ---- where to -----------------------------------------------------------------------------------------------

    def at(self, key: Arg) -> Master:
        master = self._slots[slot_of(key)]
        if master is None:
            self._stale.set()
            raise Unavailable(f"no node of the Redis Cluster serves slot {slot_of(key)}: {self._why}")
        return master

    def of(self, command: Sequence[Arg]) -> Master | None:
        key = key_of(command)
        return None if key is None else self.at(key)

    def all(self) -> list[Master]:
        return list(self._masters.values())

    def turns(self, commands: Sequence[Sequence[Arg]]) -> list[Sequence[Sequence[Arg]]]:
        """Those of one slot may go out together: no node is asked before another has answered."""
        keys = (key_of(command) for command in commands)
        slots = [None if key is None else slot_of(key) for key in keys]
        each = itertools.groupby(zip(slots, commands, strict=True), key=lambda pair: pair[0])
        return [[command for _, command in group] for _, group in each]

    async def follow(self, error: hiredis.ReplyError, unit: Sequence[Sequence[Arg]]) -> Followed:
        """Commands that were not carried out where they went, sent to whom that node named. Raises Unavailable."""
        for _ in range(FOLLOWED_MAX):
            word, slot, place = str(error).split(" ")[:3]
            master = await self._reached(place)
            if word == "MOVED":
                self._slots[int(slot)] = master
                self._stale.set()
            asking = [master.main.send("ASKING")] if word == "ASK" else []
            run_id = master.main.run_id
            replies = (await all_of([*asking, *(master.main.send(*command) for command in unit)]))[len(asking) :]
            redirects = [one for one in replies if isinstance(one, hiredis.ReplyError) and word_of(one) in REDIRECTS]
            if not redirects:
                return Followed(replies, master, run_id)
            error = redirects[0]
        raise Unavailable(f"the Redis Cluster sends us from node to node: {error}")

    async def _reached(self, place: str) -> Master:
        host, _, port = place.rpartition(":")
        node = (host or self._seeds[0].host, int(port))
        master = self._masters.get(node) or self._met(node)
        await master.main.start(self._habits.timeout_ms / 1000)
        return master

    # ---- the map ------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        turn = 0
        while True:
            turn = 0 if self.is_up else turn + 1
            with suppress(TimeoutError):
                async with asyncio.timeout(None if self.is_up else BACKOFF_S[min(turn, len(BACKOFF_S) - 1)]):
                    await self._stale.wait()
            self._stale.clear()
            try:
                self._draw(await topology(self._candidates(), self._habits.timeout_ms))
                self._looked.set()
            except Unavailable as e:
                if str(e) != self._why:
                    log.warning("redis cluster out of reach", why=str(e))
                self._why = str(e)
            self._changed()
            await asyncio.sleep(AGAIN_S)

    def _candidates(self) -> list[Address]:
        """Of whom is asked who serves what: not always the same."""
        seeds = [(one.host, one.port) for one in self._seeds]
        known = list({*seeds, *self._masters, *self._nodes})
        return [self._seeds[0].at(*node) for node in random.sample(known, min(ASKED_MAX, len(known)))]

    def _draw(self, new: Topology) -> None:
        slots: list[Master | None] = [None] * SLOTS
        for first, last, node in new.ranges:
            slots[first : last + 1] = [self._masters.get(node) or self._met(node)] * (last - first + 1)
        self._slots = slots
        self._nodes = tuple(new.nodes)
        if None in slots:
            self._why = "some slots are nobody's"
        for node in self._masters.keys() - {node for _, _, node in new.ranges}:
            self._parted(node)

    def _met(self, node: Node) -> Master:
        address = self._seeds[0].at(*node)

        async def find() -> Address:
            return address

        markers: dict[int, str] = {}

        def marker(turn: int) -> str:
            if not is_ours(slot_of(markers.get(turn, MARKER))):
                markers[turn] = name_in(is_ours, turn, MARKER)
            return markers.get(turn, MARKER)

        def is_ours(slot: int) -> bool:
            return self._slots[slot] is master

        master = Master(self._habits, find, marker=marker, on_change=self._changed)
        self._masters[node] = master
        self._introductions[node] = self._background(self._introduce(master))
        return master

    async def _introduce(self, master: Master) -> None:
        while True:
            with suppress(Unavailable):
                return await master.start(INTRODUCED_S)

    def _parted(self, node: Node) -> None:
        """It serves no slots any more."""
        self._introductions.pop(node).cancel()
        self._background(self._masters.pop(node).retire())

    def _changed(self) -> None:
        if (is_up := self.is_up) != self._is_up:
            self._is_up = is_up
            self._on_change(is_up)
        if not is_up:
            self._stale.set()

    def _background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name="redis cluster")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
