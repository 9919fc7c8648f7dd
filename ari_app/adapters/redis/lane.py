"""A connection to Redis that comes back by itself. Knows the greeting and patience; no command of ours.

What was on the way when a connection was lost is told as Unavailable, never sent again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import hiredis
import structlog

from ari_app.adapters.redis.address import Address, open_wire
from ari_app.adapters.redis.wire import Arg, Reply, Wire
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

BACKOFF_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Lane:
    """`find` says at each new connection where to. `hello` is sent on it before anything else; an error reply to that
    means: not usable."""

    def __init__(
        self, find: Callable[[], Awaitable[Address]], *, name: str, timeout_ms: int,
        hello: Sequence[tuple[Arg, ...]] = (), on_change: Callable[[bool], None] = lambda _up: None,
    ) -> None:  # fmt: skip
        self.run_id = ""  # the server's own: another one after a restart or a change of servers
        self.address: Address | None = None  # of the last try
        self._find = find
        self._name = name
        self._timeout_ms = timeout_ms
        self._hello = tuple(hello)
        self._on_change = on_change
        self._wire: Wire | None = None
        self._up = asyncio.Event()
        self._why_down = "not connected yet"
        self._keeper: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        return self._wire is not None

    def send(self, *args: Arg) -> asyncio.Future[Reply]:
        """See Wire.send."""
        if self._wire is None:
            raise Unavailable(f"Redis is away: {self._why_down}")
        return self._wire.send(*args)

    def begin(self) -> None:
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"redis {self._name}")

    async def start(self, within_s: float) -> None:
        """Raises Unavailable if it cannot be reached in time; it goes on trying."""
        self.begin()
        if self._wire is not None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._up.wait()
        except TimeoutError:
            at = f" at {self.address!r}" if self.address else ""
            raise Unavailable(f"Redis{at}: {self._why_down}") from None

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None

    def drop(self, why: str) -> None:
        """This connection is of no use; get another one."""
        if self._wire is not None:
            self._wire.close(why)

    async def _keep(self) -> None:
        failures = 0
        while True:
            wire = None
            try:
                wire = await self._connect()
            except (OSError, TimeoutError, Unavailable) as e:
                why = str(e) or "no connection in time"
                if failures == 0 or why != self._why_down:
                    log.warning("redis out of reach", lane=self._name, at=repr(self.address), why=why)
                self._why_down = why
                wait_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                failures += 1
                await asyncio.sleep(wait_s * random.uniform(0.5, 1))
                continue
            failures = 0
            try:
                self._change(wire)
                self._why_down = await asyncio.shield(wire.lost)
            finally:
                self._change(None)
                wire.close("closed by us")
            log.warning("redis lost", lane=self._name, why=self._why_down)

    def _change(self, wire: Wire | None) -> None:
        self._wire = wire
        if wire is None:
            self._up.clear()
        else:
            self._up.set()
        self._on_change(wire is not None)

    async def _connect(self) -> Wire:
        async with asyncio.timeout(self._timeout_ms / 1000):
            self.address = await self._find()
            wire = await open_wire(self.address, self._timeout_ms)
            try:
                await self._greet(wire, self.address)
            except BaseException:
                wire.close("no greeting")
                raise
        return wire

    async def _greet(self, wire: Wire, address: Address) -> None:
        named = ("CLIENT", "SETNAME", f"ringbridge-{self._name}")
        commands = (*address.greeting, named, ("INFO", "server"), *self._hello)
        sent = [wire.send(*command) for command in commands]
        replies: list[Reply] = await asyncio.gather(*sent, return_exceptions=True)
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                raise Unavailable(f"{command[0]!s}: {reply}")
            if isinstance(reply, Exception):
                raise reply
            if command == ("ROLE",) and reply[0] != b"master":
                raise Unavailable(f"it is a {reply[0].decode()}, not the master")
        info = replies[len(address.greeting) + 1].decode()
        self.run_id = next((line[7:].strip() for line in info.splitlines() if line.startswith("run_id:")), "")
