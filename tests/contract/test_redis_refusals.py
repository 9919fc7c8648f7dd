"""A Redis that says no: "not now" is Unavailable, and asked again later it goes well; "wrong" is a fault of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import hiredis
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link, RedisFault
from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Granted
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.support import until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Of these tests alone: they change its settings."""
    server = RedisServer(tmp_path_factory.mktemp("refusing")).start()
    yield server
    server.kill()


@pytest.fixture
async def operator(server: RedisServer) -> AsyncIterator[Redis]:
    """Somebody who changes the server's settings."""
    async with Redis.from_url(server.url) as operator:
        await operator.flushall()
        yield operator


@pytest.fixture
async def link(server: RedisServer, operator: Redis) -> AsyncIterator[Link]:
    link = Link(server.url)
    await link.start()
    yield link
    await link.close()


async def goes_well_again(link: Link) -> None:
    """A write by a script, over the same link as before."""

    async def well() -> bool:
        try:
            return await Desk(RedisLedger(link), allowance_s=0).grant(60) == Granted(60, 60)
        except Unavailable:
            return False

    await until(well, what="the link works again")


async def grant(link: Link) -> None:
    await Desk(RedisLedger(link), allowance_s=0).grant(60)


# --- real servers -----------------------------------------------------------------------------------------------------
async def test_a_master_that_became_a_replica_is_unavailable_until_there_is_a_master_again(
    link: Link, operator: Redis
) -> None:
    await operator.config_set("replica-serve-stale-data", "yes")
    await operator.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(Unavailable, match="READONLY"):
            await grant(link)
        await operator.config_set("replica-serve-stale-data", "no")
        await until(lambda: _refused(link, "MASTERDOWN"), what="the link says why")
    finally:
        await operator.execute_command("REPLICAOF", "NO", "ONE")
    await goes_well_again(link)


async def test_a_redis_that_was_a_replica_at_the_start_is_waited_for_once_it_is_the_master(
    server: RedisServer, operator: Redis
) -> None:
    await operator.config_set("replica-serve-stale-data", "yes")
    await operator.execute_command("REPLICAOF", "127.0.0.1", "1")
    link = Link(server.url)
    try:
        await link.start()
    finally:
        await operator.execute_command("REPLICAOF", "NO", "ONE")
    assert link.masters[0].barrier.is_supported
    await goes_well_again(link)
    await until(lambda: _durable(link), what="the wait for the disk works")
    await link.close()


async def test_a_master_that_has_too_few_replicas_is_unavailable(link: Link, operator: Redis) -> None:
    await operator.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(Unavailable, match="NOREPLICAS"):
            await grant(link)
    finally:
        await operator.config_set("min-replicas-to-write", 0)
    await goes_well_again(link)


async def test_a_redis_that_runs_somebody_elses_script_is_unavailable(
    server: RedisServer, link: Link, operator: Redis
) -> None:
    await operator.config_set("busy-reply-threshold", 1)
    async with Redis.from_url(server.url, socket_timeout=None) as somebody:
        running = asyncio.create_task(somebody.eval("while true do end", 0))  # type: ignore[arg-type]
        await until(lambda: _refused(link, "BUSY"), what="the link says why")
        await operator.script_kill()
        with pytest.raises(RedisError):
            await running
    await goes_well_again(link)


async def test_a_password_that_was_changed_is_unavailable_until_it_is_right(link: Link, operator: Redis) -> None:
    await operator.config_set("requirepass", "another")
    try:
        await operator.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until(lambda: _refused(link, "NOAUTH"), what="the link says why")
    finally:
        await operator.config_set("requirepass", "")
    await goes_well_again(link)


async def test_a_right_that_was_taken_away_is_unavailable_until_it_is_given_back(link: Link, operator: Redis) -> None:
    await operator.execute_command("ACL", "SETUSER", "default", "-get")
    try:
        with pytest.raises(Unavailable, match="NOPERM"):
            await link.get("key")
    finally:
        await operator.execute_command("ACL", "SETUSER", "default", "+get")
    assert await link.get("key") is None


async def test_a_redis_that_has_all_the_clients_it_takes_is_unavailable_and_says_so(
    server: RedisServer, operator: Redis
) -> None:
    before = (await operator.config_get("maxclients"))["maxclients"]
    await operator.config_set("maxclients", 1)
    late = Link(server.url)
    try:
        with pytest.raises(Unavailable, match="max number of clients"):
            await late.start(within_s=1)
    finally:
        await operator.config_set("maxclients", before)
    await late.start()
    await goes_well_again(late)
    await late.close()


# --- every word, from a server that says it ---------------------------------------------------------------------------
@asynccontextmanager
async def saying(error: str) -> AsyncIterator[Link]:
    """A link to a server that greets as Redis does and answers everything else so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = hiredis.Reader()
        while chunk := await reader.read(65_536):
            asked.feed(chunk)
            while (command := asked.gets()) is not False:
                writer.write(_greeting(command) or f"-{error}\r\n".encode())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = Link(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    try:
        await link.start()
        yield link
    finally:
        await link.close()
        server.close()


def _greeting(command: Any) -> bytes:
    if command[0] == b"INFO":
        return b"$8\r\nrun_id:x\r\n"
    return b"+OK\r\n" if command[0] in (b"CLIENT", b"SCRIPT") else b""


@pytest.mark.parametrize(
    "error",
    [
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
        "UNKILLABLE Sorry the script already executed write commands against the dataset.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "READONLY You can't write against a read only replica.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "CLUSTERDOWN The cluster is down",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "NOAUTH Authentication required.",
        "NOPERM User default has no permissions to run the 'evalsha' command",
    ],
)
async def test_not_now_is_unavailable_and_never_a_fault(error: str) -> None:
    async with saying(error) as link:
        assert link.masters[0].barrier.is_supported, "whether it keeps a log on disk was not answered"
        with pytest.raises(Unavailable, match=error.split(" ")[0]):
            await link.script("swap", "key", "", "value")


@pytest.mark.parametrize(
    "error", ["WRONGTYPE Operation against a key", "ERR unknown command", "MOVED 3999 127.0.0.1:1"]
)
async def test_what_stays_wrong_however_often_it_is_asked_is_a_fault(error: str) -> None:
    async with saying(error) as link:
        assert not link.masters[0].barrier.is_supported
        with pytest.raises(RedisFault, match=error.split(" ")[0]):
            await link.script("swap", "key", "", "value")


async def _refused(link: Link, word: str) -> bool:
    try:
        await link.get("key")
    except Unavailable as e:
        return word in str(e)
    return False


async def _durable(link: Link) -> bool:
    try:
        await RedisLedger(link).durable()
    except Unavailable:
        return False
    return True
