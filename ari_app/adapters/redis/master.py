"""One Redis that takes writes: a connection for commands, and one on which is waited for its disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ari_app.adapters.redis.address import Address
from ari_app.adapters.redis.disk import DISK_TIMEOUT_MS, MARKER, Barrier, Disk
from ari_app.adapters.redis.lane import Lane
from ari_app.adapters.redis.safety import risks_of
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Habits:
    """What all connections of a link have in common."""

    disk: Disk
    timeout_ms: int
    replicas: int = 0  # that must have a write on their disk, too
    hello: Sequence[tuple[Arg, ...]] = ()


class Master:
    """`find` says at each connection where it is now."""

    def __init__(
        self, habits: Habits, find: Callable[[], Awaitable[Address]], *, must_be_master: bool = False,
        marker: Callable[[int], str] = lambda _n: MARKER, on_change: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        role = [("ROLE",)] if must_be_master else []
        self._disk = habits.disk
        self._replicas = habits.replicas
        self._on_change = on_change
        self.main = Lane(
            find, name="main", timeout_ms=habits.timeout_ms, hello=[*habits.hello, *role],
            on_change=lambda is_up: self._changed(self._waiting, is_up),
        )  # fmt: skip
        self._waiting = Lane(
            find, name="disk", timeout_ms=habits.timeout_ms + DISK_TIMEOUT_MS, hello=role,
            on_change=lambda is_up: self._changed(self.main, is_up),
        )  # fmt: skip
        self.barrier = Barrier(self._waiting, habits.disk, replicas=habits.replicas, marker=marker)

    @property
    def is_up(self) -> bool:
        """Both lanes: what was written can be waited for on disk, too."""
        return self.main.is_up and self._waiting.is_up

    async def start(self, within_s: float) -> None:
        """Raises Unavailable if it cannot be reached in time. What could lose minutes there is warned of."""
        self.main.begin()
        self._waiting.begin()
        await self.main.start(within_s)
        await self._waiting.start(within_s)
        await self.barrier.check()
        for risk in await risks_of(self._waiting, self._replicas):
            log.warning(risk, at=repr(self.main.address))

    async def close(self) -> None:
        await self.barrier.close()
        await self.main.close()
        await self._waiting.close()

    def drop(self, why: str) -> None:
        """Connect anew: another server may be the master by now."""
        self.main.drop(why)
        self._waiting.drop(why)

    async def retire(self) -> None:
        """Nothing is sent here any more: what is on the way is waited for, then it is closed."""
        try:
            with suppress(Unavailable):
                await self.main.send("PING")
        finally:
            await self.close()

    def _changed(self, other: Lane, is_up: bool) -> None:
        if self.is_up and self.main.run_id != self._waiting.run_id:
            other.drop("the other connection leads to another server by now")
        if is_up:
            self._disk.look()  # what another server than this one had answered may be lost
        self._on_change()
