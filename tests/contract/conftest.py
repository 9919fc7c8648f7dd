"""Stores under test: each port in memory, on a real Redis and on a real Redis Cluster, by one name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.adapters.memory_notices import MemoryNotices
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.limits import RedisLimits
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.notices import RedisNotices
from ari_app.ports.calls import Calls
from ari_app.ports.costs import Costs
from ari_app.ports.leases import Leases
from ari_app.ports.ledger import Ledger
from ari_app.ports.limits import Limits
from ari_app.ports.notices import Notices
from tests.contract.nodes_store import NodesStore
from tests.contract.office import Office
from tests.contract.redis_cluster import RedisCluster
from tests.contract.redis_server import RedisServer

STORES = ["memory", "redis", "cluster"]


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


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters without replicas."""
    cluster = RedisCluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@pytest.fixture
async def cluster_link(cluster: RedisCluster) -> AsyncIterator[Link]:
    """To an empty cluster."""
    link = Link(cluster.url)
    await link.start()
    await link.command("FLUSHALL")
    yield link
    await link.close()


@pytest.fixture(params=STORES[1:])
def any_link(request: pytest.FixtureRequest) -> Link:
    """To an empty Redis, or an empty cluster."""
    return _link(request)


@pytest.fixture(params=STORES)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return MemoryLedger() if request.param == "memory" else RedisLedger(_link(request))


@pytest.fixture(params=STORES)
def calls(request: pytest.FixtureRequest) -> Calls:
    return MemoryCalls() if request.param == "memory" else RedisCalls(_link(request))


@pytest.fixture(params=STORES)
def limits(request: pytest.FixtureRequest) -> Limits:
    return MemoryLimits() if request.param == "memory" else RedisLimits(_link(request))


@pytest.fixture(params=STORES)
def notices(request: pytest.FixtureRequest) -> Notices:
    return MemoryNotices() if request.param == "memory" else RedisNotices(_link(request))


@pytest.fixture(params=STORES)
def leases(request: pytest.FixtureRequest) -> Leases:
    def is_dead(owner: str) -> bool:
        return owner.startswith("dead")

    return MemoryLeases(is_dead) if request.param == "memory" else RedisLeases(_link(request), is_dead)


@pytest.fixture(params=STORES)
def costs(request: pytest.FixtureRequest) -> Costs:
    return MemoryCosts() if request.param == "memory" else RedisCosts(_link(request), "Asia/Shanghai")


def _link(request: pytest.FixtureRequest) -> Link:
    link: Link = request.getfixturevalue("cluster_link" if request.param == "cluster" else "link")
    return link


@pytest.fixture(params=STORES)
def office(request: pytest.FixtureRequest) -> Office:
    """Users, teams and minutes together."""
    return Office.in_memory() if request.param == "memory" else Office.in_redis(_link(request))


@pytest.fixture(params=STORES)
def nodes(request: pytest.FixtureRequest) -> NodesStore:
    """The board with the leases and calls beside it."""
    return NodesStore.in_memory() if request.param == "memory" else NodesStore.in_redis(_link(request))
