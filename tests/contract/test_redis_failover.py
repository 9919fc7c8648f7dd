"""A master is killed under load, and its replica takes over: what was durable is there, what may be lost is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.redis import disk
from ari_app.adapters.redis.address import Address
from ari_app.adapters.redis.disk import Disk
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.master import Habits, Master
from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Account, Granted
from tests.contract.desk import Desk
from tests.contract.redis_cluster import RedisCluster, payers_of
from tests.contract.redis_sentinel import WatchedRedis
from tests.contract.redis_server import RedisServer
from tests.support import surely, until

IS_SOAK = bool(os.environ.get("SOAK"))
ACCOUNTS = 60 if IS_SOAK else 20  # at each master
DURABLE = 3_000 if IS_SOAK else 50  # operations that are safe when the master is killed
TURNS = 3 if IS_SOAK else 1
TAKEN_OVER_S = 15.0
GRANT_S, TALK_S = 5, 7


class Load:
    """Accounts that are granted minutes and talk, without a pause; each remembers what it asked, and what was safe."""

    def __init__(self, link: Link, payers: list[str]) -> None:
        self.desks = [Desk(RedisLedger(link), payer, increment="1/1", allowance_s=100_000) for payer in payers]
        self.asked: dict[str, set[str]] = {payer: set() for payer in payers}
        self.safe: dict[str, set[str]] = {payer: set() for payer in payers}
        self.is_over = False

    @property
    def safe_count(self) -> int:
        return sum(map(len, self.safe.values()))

    async def run(self) -> None:
        """Until it is over, or one was not answered: that one nobody asks for again yet."""
        await asyncio.gather(*(self._run(desk) for desk in self.desks))

    async def _run(self, desk: Desk) -> None:
        n = 0
        try:
            while not self.is_over:
                n += 1
                for op in (f"g{n}", f"c{n}"):
                    self.asked[desk.payer].add(op)
                    await self.once(desk, op)
                before = set(self.asked[desk.payer])
                await desk.ledger.durable()
                self.safe[desk.payer] |= before
        except Unavailable:
            return

    async def once(self, desk: Desk, op: str) -> None:
        if op[0] == "g":
            assert await desk.grant(GRANT_S, op) is not None
        else:
            await desk.hold(op, 20)
            await desk.settle(op, TALK_S)

    async def all_again(self) -> None:
        for desk in self.desks:
            for op in self.asked[desk.payer]:
                await surely(self.once, desk, op)


def done_in(account: Account, desk: Desk) -> set[str]:
    """Grants by their lines, calls by their settlements."""
    return {line.op for line in account.lines if line.op.startswith("g")} | set(account.settlements)


async def nothing_is_lost(load: Load, link: Link) -> None:
    lost = {}
    for desk in load.desks:
        account = await surely(desk.account)
        lost[desk.payer] = load.safe[desk.payer] - done_in(account, desk)
    assert not any(lost.values()), lost

    await load.all_again()
    for desk in load.desks:
        account = await surely(desk.account)  # every law is looked at there
        ops = load.asked[desk.payer]
        calls = sum(op[0] == "c" for op in ops)
        assert set(account.settlements) == {op for op in ops if op[0] == "c"}
        assert (account.totals.spent_s, account.held_s) == (TALK_S * calls, 0)
        assert account.totals.granted_s == 100_000 + GRANT_S * (len(ops) - calls)


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    """Three masters, each with a replica."""
    cluster = RedisCluster(tmp_path_factory.mktemp("replicated"), has_replicas=True, node_timeout_ms=1000)
    try:
        yield cluster.start()
    finally:
        cluster.stop()


@asynccontextmanager
async def linked(url: str, **how: Any) -> AsyncIterator[Link]:
    link = Link(url, **how)
    await link.start()
    yield link
    await link.close()


async def test_a_write_whose_replica_does_not_have_it_is_not_durable(
    replicated: RedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "DISK_TIMEOUT_MS", 200)
    (payer,) = payers_of(replicated, 0, 1)
    async with linked(replicated.url, replicas=1) as link, linked(replicated.url) as content_with_none:
        desk = Desk(RedisLedger(link), payer)
        replica = replicated.nodes[replicated.replica_of(0)]
        replica.freeze()
        try:
            await desk.grant(60, "frozen")
            with pytest.raises(Unavailable, match="only 0 of 1 replicas have it on disk"):
                await desk.ledger.durable()
            other = Desk(RedisLedger(content_with_none), payer)
            await other.grant(60, "frozen")
            await surely(other.ledger.durable)
        finally:
            replica.thaw()
        await surely(desk.ledger.durable)


@pytest.mark.parametrize("turn", range(TURNS))
async def test_a_master_killed_under_load_loses_nothing_that_was_durable(replicated: RedisCluster, turn: int) -> None:
    payers = [payer for node in replicated.masters() for payer in payers_of(replicated, node, ACCOUNTS)]
    victim = replicated.master_of("victim")
    async with linked(replicated.url, replicas=1, timeout_ms=1000) as link:
        await link.command("FLUSHALL")
        load = Load(link, payers)
        running = asyncio.create_task(load.run())
        await until(lambda: load.safe_count >= DURABLE, within_s=60, what="enough is safe")
        replicated.nodes[victim].kill()
        load.is_over = True
        await running
        await until(lambda: link.is_up, within_s=TAKEN_OVER_S, what="the replica has taken over")
        await until(lambda: replicated.master_of("victim") != victim, what="every node knows of it")

        asking_again = asyncio.create_task(nothing_is_lost(load, link))
        await asyncio.to_thread(replicated.nodes[victim].start)  # the new master needs a replica, to be safe again
        await asking_again
        await asyncio.to_thread(replicated.wait_whole)
        await asyncio.wait_for(surely(RedisLedger(link).durable), TAKEN_OVER_S)


async def test_the_sentinels_are_asked_for_the_master_and_a_new_one_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = WatchedRedis(tmp_path, sentinels=3 if IS_SOAK else 1)
    try:
        await asyncio.to_thread(watched.start)
        async with linked(watched.url, replicas=1, timeout_ms=1000) as link:
            load = Load(link, [f"payer{n}" for n in range(ACCOUNTS)])
            running = asyncio.create_task(load.run())
            await until(lambda: load.safe_count >= DURABLE // 3, within_s=60, what="enough is safe")
            watched.master.kill()
            load.is_over = True
            await running
            monkeypatch.setattr(disk, "DISK_TIMEOUT_MS", 100)  # there will be no replica to wait for
            await until(lambda: link.is_up, within_s=TAKEN_OVER_S, what="the link has found the new master")
            assert link.masters[0].main.address is not None
            assert link.masters[0].main.address.port == watched.replica.port
            await nothing_is_lost(load, link)
            with pytest.raises(Unavailable, match="only 0 of 1 replicas"):
                await link.disk.wait()
        async with linked(watched.url) as alone:
            desk = Desk(RedisLedger(alone), "alone", allowance_s=0)
            assert await desk.grant(60) == Granted(60, 60)
            await desk.ledger.durable()
    finally:
        watched.stop()


async def test_what_a_master_may_have_lost_stays_so_when_the_same_one_comes_back(tmp_path: Path) -> None:
    """A replica took over meanwhile: the old master has thrown away what that one did not have."""
    first, second = (RedisServer(_made(tmp_path / name), appendfsync="no").start() for name in ("first", "second"))
    now = first

    async def find() -> Address:
        return Address.parse(now.url)

    its = Disk()
    master = Master(Habits(its, timeout_ms=500), find)
    try:
        await master.start(5)
        run_id = master.main.run_id
        its.written("grant", master.barrier, run_id)
        now = second
        master.drop("a test")
        await until(lambda: master.is_up and master.main.run_id != run_id)
        now = first
        master.drop("a test")
        await until(lambda: master.is_up and master.main.run_id == run_id)
        with pytest.raises(Unavailable, match="may be lost, such as grant"):
            await its.wait()
        await its.wait("another")
    finally:
        await master.close()
        first.kill()
        second.kill()


def _made(home: Path) -> Path:
    home.mkdir()
    return home


# ---- sentinels that are wrong, or away -------------------------------------------------------------------------------
@asynccontextmanager
async def sentinel_saying(reply: bytes) -> AsyncIterator[str]:
    """A sentinel that has only this to say; gives the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"redis+sentinel://127.0.0.1:{server.sockets[0].getsockname()[1]}/mymaster"
    server.close()


async def test_a_replica_that_a_sentinel_takes_for_the_master_is_not_written_to(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, more=["--replicaof", "127.0.0.1", "1"]).start()
    port = str(server.port)
    try:
        async with sentinel_saying(f"*2\r\n$9\r\n127.0.0.1\r\n${len(port)}\r\n{port}\r\n".encode()) as url:
            link = Link(url, timeout_ms=2_000)
            with pytest.raises(Unavailable, match="it is a slave, not the master"):
                await link.start(within_s=1)
            await link.close()
    finally:
        server.kill()


async def test_a_master_that_no_sentinel_knows_is_said_at_the_start() -> None:
    async with sentinel_saying(b"*-1\r\n") as url:
        link = Link(url.replace("://", "://127.0.0.1:1,"), timeout_ms=2_000)
        with pytest.raises(Unavailable, match="no sentinel says where mymaster is"):
            await link.start(within_s=1)
        await link.close()
