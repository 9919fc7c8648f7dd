"""The link to Redis that every store here shares: commands, scripts, and the wait for the disk.

Commands issued in one turn of the event loop go out together on one connection. Nothing is ever sent twice: an
answer that was lost is told as Unavailable, and the caller asks again by its own id. Cancelling whoever waits takes
no command back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import hiredis

from ari_app.adapters.redis.disk import DISK_TIMEOUT_MS, Disk
from ari_app.adapters.redis.lane import Address, Lane
from ari_app.adapters.redis.refusals import ELSEWHERE, NOT_NOW, word_of
from ari_app.adapters.redis.scripts import Script, shipped
from ari_app.adapters.redis.wire import Arg, Reply, all_of
from ari_app.domain.errors import Unavailable


class RedisFault(Exception):
    """Redis refused a command as wrong: a fault of ours, or a server that is too old."""


class Link:
    """Call `start` first; `close` at the end. `on_change` is told when Redis goes away and comes back."""

    def __init__(
        self, url: str, *, timeout_ms: int = 3_000, scripts: Mapping[str, Script] | None = None,
        on_change: Callable[[bool], None] = lambda _up: None,
    ) -> None:  # fmt: skip
        self._scripts = dict(scripts if scripts is not None else shipped())
        address = Address.parse(url)
        load = [("SCRIPT", "LOAD", script.source) for script in self._scripts.values()]
        self._main = Lane(address, name="main", timeout_ms=timeout_ms, hello=load, on_change=on_change)
        self._barrier = Lane(address, name="disk", timeout_ms=timeout_ms + DISK_TIMEOUT_MS)
        self.disk = Disk(self._main, self._barrier)

    @property
    def is_up(self) -> bool:
        """Both lanes: what was written can be waited for on disk, too."""
        return self._main.is_up and self._barrier.is_up

    async def start(self, within_s: float = 5.0) -> None:
        """Raises Unavailable if Redis cannot be reached in time."""
        await self._main.start(within_s)
        await self._barrier.start(within_s)
        await self.disk.check()

    async def close(self) -> None:
        await self.disk.close()
        await self._main.close()
        await self._barrier.close()

    async def command(self, *args: Arg) -> Reply:
        """One command, its reply. Raises Unavailable, or RedisFault for an error that is ours."""
        reply = await self._main.send(*args)
        return self._fail(reply) if isinstance(reply, hiredis.ReplyError) else reply

    async def commands(self, commands: Iterable[Sequence[Arg]]) -> list[Reply]:
        """Several in one go, carried out in this order (others may come in between). The first error is raised."""
        replies = await all_of([self._main.send(*command) for command in commands])
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                self._fail(reply)
        return replies

    async def script(self, name: str, *args: Arg, first: Iterable[Sequence[Arg]] = ()) -> Reply:
        """Run a script; `args` are its keys, then its arguments. The commands `first` go out just before it."""
        script = self._scripts[name]
        before = [self._main.send(*command) for command in first]
        asked = self._main.send("EVALSHA", script.sha, script.keys_count, *args)
        if before:
            for failed in (await all_of([*before, asked]))[:-1]:
                if isinstance(failed, hiredis.ReplyError):
                    self._fail(failed)
        reply = await asked
        if isinstance(reply, hiredis.ReplyError):
            if not str(reply).startswith("NOSCRIPT"):
                self._fail(reply)
            reply = await self._main.send("EVAL", script.source, script.keys_count, *args)  # it was not carried out
            if isinstance(reply, hiredis.ReplyError):
                self._fail(reply)
        return reply

    async def get(self, key: str) -> bytes | None:
        found: bytes | None = await self.command("GET", key)
        return found

    async def swap(self, key: str, expected: bytes | None, new: bytes | None) -> bool:
        """Set the key if it still has the expected value; None: it does not exist, or shall not."""
        return bool(await self.script("swap", key, expected or b"", new or b"") == 1)

    def _fail(self, error: hiredis.ReplyError) -> None:
        said, word = str(error), word_of(error)
        if word in NOT_NOW:
            if word in ELSEWHERE:
                self._main.drop(said)
                self._barrier.drop(said)
            raise Unavailable(f"Redis cannot do it now: {said}")
        raise RedisFault(said)
