"""Where Redis is: what a `redis_url` says, and opening a connection there. Knows URLs and sockets, no command of ours.

redis://, rediss:// (TLS) and unix:// name one server; `+cluster` some nodes of a Redis Cluster; `+sentinel` the
sentinels, and behind the slash the name under which they know the master.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from redis.asyncio.connection import SSLConnection, parse_url

from ari_app.adapters.redis.wire import Arg, Reply, Wire, all_of

SENTINEL_PORT = 26379


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

    def at(self, host: str, port: int) -> Address:
        """Another server that is greeted in the same way."""
        return replace(self, host=host, port=port, path="")

    def __repr__(self) -> str:  # the greeting has the password
        return self.path or f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Where:
    """`addresses`: the server; some nodes of the cluster; or the sentinels, of which `service` is asked."""

    kind: Literal["single", "cluster", "sentinel"]
    addresses: tuple[Address, ...]
    service: str = ""

    @classmethod
    def parse(cls, url: str) -> Where:
        """Raises ValueError for what makes no sense."""
        scheme, _, rest = url.partition("://")
        base, _, kind = scheme.partition("+")
        if not kind:
            return cls("single", (Address.parse(url),))
        parts = urlsplit(f"{base}://{rest}")
        login, at, hosts = parts.netloc.rpartition("@")
        service, _, db = parts.path.strip("/").partition("/")
        if kind == "cluster":
            port, db = 6379, ""
        elif kind == "sentinel" and service:
            port = SENTINEL_PORT
        else:
            raise ValueError(
                f"{base}+{kind}://: expected +cluster, or +sentinel with the master's name after the slash"
            )
        query = f"?{parts.query}" if parts.query else ""
        each = [host if re.search(r":\d+$", host) else f"{host}:{port}" for host in hosts.split(",") if host]
        if not each:
            raise ValueError(f"{base}+{kind}://: no host is named")
        found = tuple(Address.parse(f"{base}://{login}{at}{host}/{db}{query}") for host in each)
        return cls("cluster", found) if kind == "cluster" else cls("sentinel", found, service)


def _tls(given: dict[str, Any]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=given.get("ssl_ca_certs"))
    if given.get("ssl_certfile"):
        context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"))
    if given.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def open_wire(address: Address, timeout_ms: int) -> Wire:
    """Connected, and not greeted. Raises OSError."""
    loop = asyncio.get_running_loop()
    wire = Wire(loop, timeout_ms)
    try:
        if address.path:
            await loop.create_unix_connection(lambda: wire, address.path)
        else:
            await loop.create_connection(lambda: wire, address.host, address.port, ssl=address.tls)
    except BaseException:
        wire.close("no connection")
        raise
    return wire


async def ask(address: Address, timeout_ms: int, commands: Sequence[Sequence[Arg]]) -> list[Reply]:
    """The replies over a connection of their own. Raises OSError, TimeoutError or Unavailable."""
    async with asyncio.timeout(timeout_ms / 1000):
        wire = await open_wire(address, timeout_ms)
        try:
            return await all_of([wire.send(*command) for command in commands])
        finally:
            wire.close("asked")
