"""A connection to Redis that comes back by itself. Knows addresses, the greeting and patience; no command of ours.

What was on the way when a connection was lost is told as Unavailable, never sent again.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import hiredis
import structlog
from redis.asyncio.connection import SSLConnection, parse_url

from ari_app.adapters.redis.wire import Arg, Reply, Wire
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

BACKOFF_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True)
class Address:
    """From a URL such as redis://:secret@127.0.0.1:6379/0, rediss://… or unix:///run/redis.sock."""

    host: str
    port: int
    path: str  # of a unix socket; else ""
    tls: ssl.SSLContext | None
    greeting: tuple[tuple[Arg, ...], ...]  # AUTH and SELECT

    @classmethod
    def parse(cls, url: str) -> Address:
        given: dict[str, Any] = dict(parse_url(url))
        greeting: list[tuple[Arg, ...]] = []
        if given.get("password"):
            greeting.append(("AUTH", given.get("username") or "default", given["password"]))
        if given.get("db"):
            greeting.append(("SELECT", given["db"]))
        tls = _tls(given) if given.get("connection_class") is SSLConnection else None
        host, port = given.get("host", "127.0.0.1"), given.get("port", 6379)
        return cls(host, port, given.get("path", ""), tls, tuple(greeting))

    def __repr__(self) -> str:  # the greeting has the password
        return self.path or f"{self.host}:{self.port}"


def _tls(given: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=given.get("ssl_ca_certs"))
    if given.get("ssl_certfile"):
        context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"))
    if given.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Lane:
    """`hello` is sent on each new connection before anything else; an error reply to it means: not usable."""

    def __init__(
        self, address: Address, *, name: str, timeout_ms: int, hello: Sequence[tuple[Arg, ...]] = (),
        on_change: Callable[[bool], None] = lambda _up: None,
    ) -> None:  # fmt: skip
        self.run_id = ""  # the server's own: another one after a restart or a change of servers
        self._address = address
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

    async def start(self, within_s: float) -> None:
        """Raises Unavailable if it cannot be reached in time; it goes on trying."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name=f"redis {self._name}")
        try:
            async with asyncio.timeout(within_s):
                await self._up.wait()
        except TimeoutError:
            raise Unavailable(f"Redis at {self._address!r}: {self._why_down}") from None

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
                    log.warning("redis out of reach", lane=self._name, at=repr(self._address), why=why)
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
        loop = asyncio.get_running_loop()
        wire = Wire(loop, self._timeout_ms)
        a = self._address
        try:
            async with asyncio.timeout(self._timeout_ms / 1000):
                if a.path:
                    await loop.create_unix_connection(lambda: wire, a.path)
                else:
                    await loop.create_connection(lambda: wire, a.host, a.port, ssl=a.tls)
                await self._greet(wire)
        except BaseException:
            wire.close("no greeting")
            raise
        return wire

    async def _greet(self, wire: Wire) -> None:
        named = ("CLIENT", "SETNAME", f"ringbridge-{self._name}")
        commands = (*self._address.greeting, named, ("INFO", "server"), *self._hello)
        sent = [wire.send(*command) for command in commands]
        replies: list[Reply] = await asyncio.gather(*sent, return_exceptions=True)
        for command, reply in zip(commands, replies, strict=True):
            if isinstance(reply, hiredis.ReplyError):
                raise Unavailable(f"{command[0]!s}: {reply}")
            if isinstance(reply, Exception):
                raise reply
        info = replies[len(self._address.greeting) + 1].decode()
        self.run_id = next((line[7:].strip() for line in info.splitlines() if line.startswith("run_id:")), "")
