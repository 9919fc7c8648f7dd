"""Stores under test: each port in memory and on a real Redis, by one name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.ports.calls import Calls
from ari_app.ports.leases import Leases
from ari_app.ports.ledger import Ledger
from tests.contract.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


@pytest.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[Link]:
    """To an empty Redis."""
    link = Link(redis_server.url)
    await link.start()
    await link.command("FLUSHALL")
    yield link
    await link.close()


@pytest.fixture(params=["memory", "redis"])
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return MemoryLedger() if request.param == "memory" else RedisLedger(request.getfixturevalue("link"))


@pytest.fixture(params=["memory", "redis"])
def calls(request: pytest.FixtureRequest) -> Calls:
    return MemoryCalls() if request.param == "memory" else RedisCalls(request.getfixturevalue("link"))


@pytest.fixture(params=["memory", "redis"])
def leases(request: pytest.FixtureRequest) -> Leases:
    def is_dead(owner: str) -> bool:
        return owner.startswith("dead")

    return MemoryLeases(is_dead) if request.param == "memory" else RedisLeases(request.getfixturevalue("link"), is_dead)
