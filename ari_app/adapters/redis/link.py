"""The link to Redis that every store here shares: commands, scripts, and the wait for the disk.

Commands issued in one turn of the event loop go out together on one connection. Nothing that may have been carried
out is ever sent twice: an answer that was lost is told as Unavailable, and the caller asks again by its own id. Only
what a cluster's node says it did not do is sent again, to whom it names. Cancelling whoever waits takes no command
back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import NoReturn, Protocol

import hiredis

from ari_app.adapters.redis.address import Address, Where
from ari_app.adapters.redis.cluster import Cluster, Followed
from ari_app.adapters.redis.disk import Disk
from ari_app.adapters.redis.master import Habits, Master
from ari_app.adapters.redis.one import One
from ari_app.adapters.redis.refusals import ELSEWHERE, NOT_NOW, REDIRECTS, word_of
from ari_app.adapters.redis.scripts import Script, shipped
from ari_app.adapters.redis.wire import Arg, Reply, all_of
from ari_app.domain.errors import Unavailable

AGAIN_MAX = 3  # not known, sent elsewhere, not known there either


class RedisFault(Exception):
    """Redis refused a command as wrong: a fault of ours, or a server that is too old."""


class Masters(Protocol):
    """The servers that take writes: one, or those of a cluster. `is_one`: every key is at one server, and what was
    sent first is carried out first."""

    is_one: bool

    @property
    def is_up(self) -> bool: ...

    async def start(self, within_s: float) -> None: ...

    async def close(self) -> None: ...

    def at(self, key: Arg) -> Master:
        """Where this key is. Raises Unavailable."""

    def of(self, command: Sequence[Arg]) -> Master | None:
        """Where its key is; None: it has none, and is for all of them (see slots.py). Raises Unavailable."""

    def all(self) -> list[Master]: ...

    def turns(self, commands: Sequence[Sequence[Arg]]) -> list[Sequence[Sequence[Arg]]]:
        """Those that may go out together; whoever wants order waits for one turn's answers before the next."""

    async def follow(self, error: hiredis.ReplyError, unit: Sequence[Sequence[Arg]]) -> Followed | None:
        """The commands that `error` sent elsewhere, sent there. None: no redirection is expected here."""


class Link:
    """Call `start` first; `close` at the end. `on_change` is told when Redis goes away and comes back. `replicas`: so
    many must have a write on their disk, too, before it counts as being on disk."""

    def __init__(
        self, url: str, *, timeout_ms: int = 3_000, replicas: int = 0, scripts: Mapping[str, Script] | None = None,
        on_change: Callable[[bool], None] = lambda _up: None,
    ) -> None:  # fmt: skip
        self._scripts = dict(scripts if scripts is not None else shipped())
        self.disk = Disk()
        where = Where.parse(url)
        load = [("SCRIPT", "LOAD", script.source) for script in self._scripts.values()]
        habits = Habits(self.disk, timeout_ms, replicas, load)
        self._masters: Masters = (Cluster if where.kind == "cluster" else One)(where, habits, on_change)
        self._of, self._at = self._masters.of, self._masters.at
        self.is_one = self._masters.is_one

    @property
    def is_up(self) -> bool:
        return self._masters.is_up

    @property
    def masters(self) -> list[Master]:
        return self._masters.all()

    async def start(self, within_s: float = 5.0) -> None:
        """Raises Unavailable if Redis cannot be reached in time; of a cluster, if none of its masters can."""
        await self._masters.start(within_s)

    async def close(self) -> None:
        await self._masters.close()

    async def command(self, *args: Arg) -> Reply:
        """One command, its reply. Raises Unavailable, or RedisFault for an error that is ours."""
        master = self._of(args)
        if master is None:
            return (await self._everywhere(args))[0]
        reply = await master.main.send(*args)
        return await self._elsewhere(reply, master, args) if isinstance(reply, hiredis.ReplyError) else reply

    async def commands(self, commands: Iterable[Sequence[Arg]], *, in_order: bool = True) -> list[Reply]:
        """Several in one go, carried out in this order (others may come in between). The first error is raised.
        `in_order` False is quicker on a cluster."""
        commands = list(commands)
        if not in_order:
            return await self._together(commands)
        return [reply for turn in self._masters.turns(commands) for reply in await self._together(turn)]

    async def transaction(self, commands: Sequence[Sequence[Arg]]) -> list[Reply]:
        """Several on keys of one slot, of one moment."""
        master = self._of(commands[0])
        assert master is not None, "a transaction is about keys"
        unit: list[Sequence[Arg]] = [("MULTI",), *commands, ("EXEC",)]
        replies = await all_of([master.main.send(*command) for command in unit])
        errors = [reply for reply in replies if isinstance(reply, hiredis.ReplyError)]
        if errors and word_of(errors[0]) in REDIRECTS and (there := await self._masters.follow(errors[0], unit)):
            replies, master = there.replies, there.by
            errors = [reply for reply in replies if isinstance(reply, hiredis.ReplyError)]
        for error in errors:  # the first says why; the last only that it was given up
            self._fail(error, master)
        done: list[Reply] = replies[-1]
        return done

    async def script(
        self, name: str, *args: Arg, first: Sequence[Sequence[Arg]] = (), write: str | None = None
    ) -> Reply:
        """Run a script; `args` are its keys, then its arguments. The commands `first` are carried out before it.
        `write` names what it writes: see Disk."""
        script = self._scripts[name]
        master = self._at(args[0])
        if first and not self.is_one:
            await self._together(first)
            first = ()
        before = [master.main.send(*command) for command in first]
        run_id = master.main.run_id
        asked = master.main.send("EVALSHA", script.sha, script.keys_count, *args)
        if before:
            for failed in (await all_of([*before, asked]))[:-1]:
                if isinstance(failed, hiredis.ReplyError):
                    self._fail(failed, master)
        reply = await asked
        if isinstance(reply, hiredis.ReplyError):
            reply, master, run_id = await self._script_again(reply, master, script, args)
        if write is not None:
            self.disk.written(write, master.barrier, run_id)
        return reply

    async def scripts(self, name: str, each: Sequence[Sequence[Arg]]) -> list[Reply]:
        """The same script again and again, in one go; each may be at another node. The first error is raised, when all
        have been answered."""
        script = self._scripts[name]
        sent = [(self._at(args[0]), args) for args in each]
        replies = await all_of([m.main.send("EVALSHA", script.sha, script.keys_count, *args) for m, args in sent])
        for at, reply in enumerate(replies):
            if isinstance(reply, hiredis.ReplyError):
                master, args = sent[at]
                replies[at], _, _ = await self._script_again(reply, master, script, args)
        return replies

    def address_of(self, key: str) -> Address:
        """Where this key is. Raises Unavailable."""
        address = self._at(key).main.address
        if address is None:
            raise Unavailable("Redis is away: not connected yet")
        return address

    async def scan(self, pattern: str, count: int) -> AsyncIterator[list[bytes]]:
        """The keys that look so, about `count` at a time. One that is moved to another node meanwhile may be left out,
        or be named twice."""
        for master in self.masters:
            cursor = b"0"
            while True:
                reply = await master.main.send("SCAN", cursor, "MATCH", pattern, "COUNT", count)
                if isinstance(reply, hiredis.ReplyError):
                    self._fail(reply, master)
                cursor, found = reply
                yield found
                if cursor == b"0":
                    break

    async def get(self, key: str) -> bytes | None:
        found: bytes | None = await self.command("GET", key)
        return found

    async def swap(self, key: str, expected: bytes | None, new: bytes | None) -> bool:
        """Set the key if it still has the expected value; None: it does not exist, or shall not."""
        return bool(await self.script("swap", key, expected or b"", new or b"") == 1)

    # ---- how it is done ---------------------------------------------------------------------------------------------

    async def _together(self, commands: Sequence[Sequence[Arg]]) -> list[Reply]:
        places = [self._of(command) for command in commands]
        if None in places:
            return [await self.command(*command) for command in commands]
        sent = [(master, command) for master, command in zip(places, commands, strict=True) if master is not None]
        replies = await all_of([master.main.send(*command) for master, command in sent])
        for at, reply in enumerate(replies):
            if isinstance(reply, hiredis.ReplyError):
                replies[at] = await self._elsewhere(reply, *sent[at])
        return replies

    async def _everywhere(self, command: Sequence[Arg]) -> list[Reply]:
        masters = self.masters
        if not masters:
            raise Unavailable("no node of the Redis Cluster is known yet")
        replies = await all_of([master.main.send(*command) for master in masters])
        for master, reply in zip(masters, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                self._fail(reply, master)
        return replies

    async def _elsewhere(self, error: hiredis.ReplyError, master: Master, command: Sequence[Arg]) -> Reply:
        """What that master did not do, done by the one that it names."""
        there = await self._masters.follow(error, [command]) if word_of(error) in REDIRECTS else None
        if there is None:
            self._fail(error, master)
        if isinstance(there.replies[0], hiredis.ReplyError):
            self._fail(there.replies[0], there.by)
        return there.replies[0]

    async def _script_again(
        self, error: hiredis.ReplyError, master: Master, script: Script, args: Sequence[Arg]
    ) -> tuple[Reply, Master, str]:
        """A script that was not carried out: sent whole, if it is not known there; or sent to whom that one names."""
        reply: Reply = error
        unit, run_id = [("EVALSHA", script.sha, script.keys_count, *args)], ""
        for _ in range(AGAIN_MAX):
            if word_of(reply) == "NOSCRIPT":
                unit, run_id = [("EVAL", script.source, script.keys_count, *args)], master.main.run_id
                reply = await master.main.send(*unit[0])
            elif word_of(reply) in REDIRECTS and (there := await self._masters.follow(reply, unit)):
                (reply,), master, run_id = there
            if not isinstance(reply, hiredis.ReplyError):
                return reply, master, run_id
        return self._fail(reply, master)

    def _fail(self, error: hiredis.ReplyError, master: Master) -> NoReturn:
        said, word = str(error), word_of(error)
        if word in NOT_NOW:
            if word in ELSEWHERE:
                master.drop(said)
            raise Unavailable(f"Redis cannot do it now: {said}")
        hint = "; redis_url names a node of a cluster: write redis+cluster://" if word == "MOVED" else ""
        raise RedisFault(said + hint)
