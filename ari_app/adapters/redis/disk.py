"""Group commit: one wait for the disk of a server for everybody who waits. Knows which writes are not on disk, not
what they are.

The log on disk is in order, so a marker written after the writes, on a connection of its own, and one WAITAOF there
cover all of them, while other commands go on over the main connection; with `replicas`, their disks too. A write that
was answered by a server which has since been restarted or replaced may be lost: whoever waits is told, and asks again
by its operation id.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import hiredis
import structlog

from ari_app.adapters.redis.lane import Lane
from ari_app.adapters.redis.refusals import DEMOTED, ELSEWHERE, NOT_NOW, REDIRECTS, word_of
from ari_app.adapters.redis.wire import Reply, all_of
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

MARKER = "ringbridge:on-disk"
MARKERS_MAX = 3  # tried in one round: the slot of one may be on its way to another node
DISK_TIMEOUT_MS = 5_000
SUSPECT_S = 60
"""A write that may be lost, and that nobody asked for again in this time, is given up by whoever made it."""

Seen = tuple["Barrier", str]  # at whose server a write was answered, and the run id that it had


class Disk:
    """The writes of all servers."""

    def __init__(self) -> None:
        self._unsynced: dict[str, Seen] = {}
        self._suspects: dict[str, float] = {}  # write: since when it may be lost

    def written(self, write: str, barrier: Barrier, run_id: str) -> None:
        """A write was answered. The same write answered again takes the place of the first."""
        if self._suspects:
            self._suspects.pop(write, None)
        if barrier.is_supported:
            self._unsynced[write] = (barrier, run_id)
            barrier.join()

    async def wait(self, of: str = "") -> None:
        """Until every write before whose name begins so is on disk. Raises Unavailable if it may be lost, or nobody
        knows."""
        self.look()
        barriers = {seen[0] for write, seen in self._unsynced.items() if write.startswith(of)}
        if barriers:
            await all_of([asyncio.shield(barrier.join()) for barrier in barriers])
            self.look()
        lost = [write for write in self._remembered() if write.startswith(of)] if self._suspects else []
        if lost:
            raise Unavailable(f"Redis was restarted or replaced: {len(lost)} writes may be lost, such as {lost[0]}")

    def at(self, barrier: Barrier) -> dict[str, Seen]:
        return {write: seen for write, seen in self._unsynced.items() if seen[0] is barrier}

    def on_disk(self, covered: dict[str, Seen]) -> None:
        for write, seen in covered.items():
            if self._unsynced.get(write) is seen:
                del self._unsynced[write]

    def look(self, demoted: Barrier | None = None) -> None:
        """What was answered by a server that is there no more may be lost, even if the same one comes back later."""
        gone = [write for write, (its, run_id) in self._unsynced.items() if its is demoted or its.has_lost(run_id)]
        for write in gone:
            del self._unsynced[write]
            self._suspects[write] = time.monotonic()

    def _remembered(self) -> list[str]:
        long_ago = time.monotonic() - SUSPECT_S
        for write in [write for write, since in self._suspects.items() if since < long_ago]:
            del self._suspects[write]
        return list(self._suspects)


class Barrier:
    """The wait for the disk of one server. `lane` is a connection of its own; `marker(n)` names keys of this server."""

    def __init__(
        self, lane: Lane, disk: Disk, *, replicas: int = 0, marker: Callable[[int], str] = lambda _n: MARKER
    ) -> None:
        self.is_supported = True
        self._is_gone = False
        self._lane = lane
        self._disk = disk
        self._replicas = replicas
        self._marker = marker
        self._next: asyncio.Future[None] | None = None  # of the round that has not begun yet
        self._rounds: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Find out whether this server can tell what is on its disk. If it only cannot say so now, each wait will."""
        reply = await self._lane.send("WAITAOF", 1, 0, 1)
        if isinstance(reply, hiredis.ReplyError) and word_of(reply) not in NOT_NOW and "replica" not in str(reply):
            self.is_supported = False
            log.warning("redis cannot tell what is on its disk: grants and settlements may be lost", why=str(reply))

    def has_lost(self, run_id: str) -> bool:
        """Whether what a server with this run id wrote last may be lost."""
        return self._is_gone or (self._lane.is_up and self._lane.run_id != run_id)

    def join(self) -> asyncio.Future[None]:
        """The round that begins after this moment."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._run(), name="redis disk")
        return self._next

    async def close(self) -> None:
        self._is_gone = True
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        if self._next is not None:
            self._fail(self._next, Unavailable("the wait for the disk was broken off"))
            self._next = None
        self._disk.look()

    async def _run(self) -> None:
        while self._next is not None:
            await asyncio.sleep(0)  # whoever writes in this very turn of the loop is in
            this, self._next = self._next, None
            covered = self._disk.at(self)
            failure: Unavailable | None = Unavailable("the wait for the disk was broken off")
            try:
                await self._round()
                failure = None
            except Unavailable as e:
                failure = e
            finally:
                if failure is not None:
                    self._fail(this, failure)
            if failure is not None:
                continue
            run_id = self._lane.run_id
            self._disk.on_disk({write: seen for write, seen in covered.items() if seen[1] == run_id})
            this.set_result(None)

    async def _round(self) -> None:
        marked, waited = await self._marked()
        for reply in (marked, waited):
            if isinstance(reply, hiredis.ReplyError):
                if word_of(reply) in DEMOTED:
                    self._disk.look(demoted=self)
                if word_of(reply) in ELSEWHERE:
                    self._lane.drop(str(reply))
                raise Unavailable(f"nobody knows what is on disk: {reply}")
        if waited[0] < 1:
            raise Unavailable(f"not on disk within {DISK_TIMEOUT_MS} ms")
        if waited[1] < self._replicas:
            raise Unavailable(f"only {waited[1]} of {self._replicas} replicas have it on disk")

    async def _marked(self) -> tuple[Reply, Reply]:
        for turn in range(MARKERS_MAX):
            marked = self._lane.send("SET", self._marker(turn), int(time.time()))
            waited = self._lane.send("WAITAOF", 1, self._replicas, DISK_TIMEOUT_MS)
            replies = await all_of([marked, waited])
            if not (isinstance(replies[0], hiredis.ReplyError) and word_of(replies[0]) in REDIRECTS):
                break
        return replies[0], replies[1]

    @staticmethod
    def _fail(round_: asyncio.Future[None], why: Unavailable) -> None:
        round_.set_exception(why)
        round_.exception()  # nobody may be waiting for it; then it needs no complaint
