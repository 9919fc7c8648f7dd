"""Group commit: one wait for the disk for everybody who waits. Knows which writes are not on disk, not what they are.

The log on disk is in order, so a marker written after the writes, on a connection of its own, and one WAITAOF there
cover all of them, while other commands go on over the main connection. A write that was answered by a server which
has since been replaced or restarted may be lost: whoever waits for it is told, and asks again by its operation id.
"""

from __future__ import annotations

import asyncio
import time

import hiredis
import structlog

from ari_app.adapters.redis.lane import Lane
from ari_app.adapters.redis.refusals import NOT_NOW, word_of
from ari_app.adapters.redis.wire import all_of
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

MARKER = "ringbridge:on-disk"
DISK_TIMEOUT_MS = 5_000
SUSPECT_S = 60
"""A write that may be lost, and that nobody asked for again in this time, is given up by whoever made it."""


class Disk:
    """`writes` is the lane on which the writes go, `barrier` the one on which is waited."""

    def __init__(self, writes: Lane, barrier: Lane) -> None:
        self.is_supported = True
        self._writes = writes
        self._barrier = barrier
        self._unsynced: dict[str, tuple[str, float]] = {}  # write: (run id of its server, when)
        self._next: asyncio.Future[None] | None = None  # of the round that has not begun yet
        self._rounds: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Find out whether this server can tell what is on its disk. If it only cannot say so now, each wait will."""
        reply = await self._barrier.send("WAITAOF", 1, 0, 1)
        if isinstance(reply, hiredis.ReplyError) and word_of(reply) not in NOT_NOW and "replica" not in str(reply):
            self.is_supported = False
            log.warning("redis cannot tell what is on its disk: grants and settlements may be lost", why=str(reply))

    def written(self, write: str) -> None:
        """A write was answered. The same write answered again takes the place of the first."""
        if self.is_supported:
            self._unsynced[write] = (self._writes.run_id, time.monotonic())
            self._join()

    async def wait(self) -> None:
        """Until all that was written before is on disk. Raises Unavailable if it may be lost, or nobody knows."""
        if not self.is_supported:
            return
        if self._unsynced:
            await asyncio.shield(self._join())
        suspects = self._suspects()
        if suspects:
            raise Unavailable(f"Redis was restarted: {len(suspects)} writes may be lost, such as {suspects[0]}")

    async def close(self) -> None:
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)

    def _suspects(self) -> list[str]:
        run_id, long_ago = self._barrier.run_id, time.monotonic() - SUSPECT_S
        gone = [write for write, (its, at) in self._unsynced.items() if its != run_id]
        for write in gone:
            if self._unsynced[write][1] < long_ago:
                del self._unsynced[write]
        return [write for write in gone if write in self._unsynced]

    def _join(self) -> asyncio.Future[None]:
        """The round that begins after this moment."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._rounds is None or self._rounds.done():
            self._rounds = asyncio.create_task(self._run(), name="redis disk")
        return self._next

    async def _run(self) -> None:
        while self._next is not None:
            await asyncio.sleep(0)  # whoever writes in this very turn of the loop is in
            this, self._next = self._next, None
            covered = dict(self._unsynced)
            failure: Unavailable | None = Unavailable("the wait for the disk was broken off")
            try:
                await self._round()
                failure = None
            except Unavailable as e:
                failure = e
            finally:
                if failure is not None:
                    this.add_done_callback(_look)
                    this.set_exception(failure)
            if failure is not None:
                continue
            run_id = self._barrier.run_id
            for write, seen in covered.items():
                if seen[0] == run_id and self._unsynced.get(write) == seen:
                    del self._unsynced[write]
            this.set_result(None)

    async def _round(self) -> None:
        marked = self._barrier.send("SET", MARKER, int(time.time()))
        replies = await all_of([marked, self._barrier.send("WAITAOF", 1, 0, DISK_TIMEOUT_MS)])
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise Unavailable(f"nobody knows what is on disk: {reply}")
        if replies[1][0] < 1:
            raise Unavailable(f"not on disk within {DISK_TIMEOUT_MS} ms")


def _look(future: asyncio.Future[None]) -> None:
    """Nobody may be waiting for this round; then its failure needs no complaint."""
    if not future.cancelled():
        future.exception()
