"""Redis killed under load, again and again: what was told to be on disk is there, and all counts once when it is asked
again. Every other kill is that of the whole machine: what the log held beyond the last answer of `durable` is gone."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ledger_tools import verify
from ari_app.ports.ledger import Account, Corrected, Granted, Kind, Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.support import until

IS_SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED") or 7)
KILLS = 10 if IS_SOAK else 1
LINKS, WORKERS, PAYERS = 3, 300 if IS_SOAK else 60, 12
SAFE_BEFORE_A_KILL = (2 if IS_SOAK else 1) * WORKERS

pytestmark = pytest.mark.timeout(600 if IS_SOAK else 60)


@dataclass
class Operation:
    """`is_safe`: it was answered, and then told to be on disk."""

    desk: Desk
    op: str
    ask: Callable[[], Awaitable[object]]
    answer: object = None
    is_safe: bool = False

    def is_in(self, account: Account) -> bool:
        return self.op in account.settlements or any(line.op == self.op for line in account.lines)


class Load:
    """Workers of several links, each with one operation at a time: asked until it is answered and on disk."""

    def __init__(self, server: RedisServer, links: list[Link]) -> None:
        self.is_over = False
        self.operations: list[Operation] = []
        self.on_disk_bytes = 0  # of the log, at least
        self.asked_again = 0
        self._server = server
        self._ledgers = [RedisLedger(link) for link in links]

    @property
    def safe(self) -> list[Operation]:
        return [one for one in self.operations if one.is_safe]

    async def work(self, worker: int) -> None:
        desk = Desk(self._ledgers[worker % LINKS], f"u{worker % PAYERS}", increment="1/1", allowance_s=1_000_000)
        desk.max_live_calls = 1_000
        while not self.is_over:
            one = operation(desk, len(self.operations))
            self.operations.append(one)
            while not one.is_safe:
                await self._try(one)

    async def _try(self, one: Operation) -> None:
        try:
            one.answer = await one.ask()
            await one.desk.ledger.durable(one.desk.payer)
        except Unavailable:
            self.asked_again += 1
            await asyncio.sleep(0.02)  # as any client that comes back
        else:
            one.is_safe, self.on_disk_bytes = True, self._server.log_bytes


def operation(desk: Desk, n: int) -> Operation:
    """A grant, a correction up or down, or a call of 13 s."""
    op = f"n{n}"

    async def call() -> object:
        await desk.hold(op, 20)
        return await desk.settle(op, 13)

    asks: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: desk.grant(7, op, Kind.BOUGHT),
        call,
        lambda: desk.correct((-1) ** n * (n % 5 + 1), op),
    )
    return Operation(desk, op, asks[n % 3])


@asynccontextmanager
async def under_load(server: RedisServer) -> AsyncIterator[Load]:
    """At the end each worker's last operation is on disk, too."""
    links = [Link(server.url, timeout_ms=1_000) for _ in range(LINKS)]
    await asyncio.gather(*(link.start() for link in links))
    load = Load(server, links)
    workers = [asyncio.create_task(load.work(n)) for n in range(WORKERS)]
    try:
        yield load
    finally:
        load.is_over = True
        await asyncio.wait_for(asyncio.gather(*workers), timeout=20)
        await asyncio.gather(*(link.close() for link in links))


async def test_redis_killed_under_load_loses_nothing_that_was_on_disk(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    dice = random.Random(SEED)
    async with under_load(server) as load:
        for kill in range(KILLS):
            goal = len(load.safe) + SAFE_BEFORE_A_KILL
            await until(lambda goal=goal: len(load.safe) >= goal, within_s=20, what="operations on disk")
            await asyncio.sleep(dice.uniform(0, 1))  # any moment between two writes to the disk
            server.kill()
            safe = load.safe
            if kill % 2 == 0:
                server.cut_log(load.on_disk_bytes)
            server.start()
            await all_are_there(server, safe)

    accounts = await ended(server, load)
    server.kill()
    for payer, account in accounts.items():
        assert sums(account) == told([one for one in load.operations if one.desk.payer == payer])
    assert load.asked_again > 0
    print(f"killed: {KILLS} times: {len(load.operations)} operations, {load.asked_again} asked again")  # noqa: T201


async def all_are_there(server: RedisServer, safe: list[Operation]) -> None:
    """Nobody asks for these again, so that they come from the disk."""
    link = Link(server.url)
    await link.start(within_s=10)
    payers = {one.desk.payer for one in safe}
    accounts = {payer: await Desk(RedisLedger(link), payer).account() for payer in payers}
    assert [one.op for one in safe if not one.is_in(accounts[one.desk.payer])] == []
    await link.close()


async def ended(server: RedisServer, load: Load) -> dict[str, Account]:
    """Everything was asked once more, and had the same answer."""
    link = Link(server.url)
    await link.start()
    ledger = RedisLedger(link)
    for one in load.operations:
        one.desk.ledger = ledger
        assert await one.ask() == one.answer
    checked = await verify(ledger)
    assert (checked.accounts, checked.broken, checked.held_s) == (PAYERS, [], 0)
    accounts = {f"u{n}": await ledger.read_account(f"u{n}") for n in range(PAYERS)}
    await link.close()
    return accounts


def sums(account: Account) -> Counter[str]:
    t = account.totals
    return Counter(bought=t.bought_s, corrected=t.corrected_s, spent=t.spent_s, overrun=t.overrun_s)


def told(operations: list[Operation]) -> Counter[str]:
    """What the answers add up to."""
    found = Counter(bought=0, corrected=0, spent=0, overrun=0)
    for one in operations:
        match one.answer:
            case Granted(seconds=seconds):
                found["bought"] += seconds
            case Corrected(seconds=seconds):
                found["corrected"] += seconds
            case Settled(charged_s=charged_s, overrun_s=overrun_s):
                found.update(spent=charged_s, overrun=overrun_s)
            case other:
                raise AssertionError(f"{one.op}: {other}")
    return found
