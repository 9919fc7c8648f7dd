"""Ledgers of very different size side by side, each on a Redis of its own with its log on disk, and what they cost.

What is compared is measured in turns, on all of them within the same seconds: the machine is never quiet. The CPU time
of Redis' own thread is what says most; its clock and the client's also count who else is on the machine.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from ari_app.adapters.redis.ledger import RedisLedger, keys
from ari_app.adapters.redis.link import Link
from ari_app.domain.plans import month_of
from ari_app.domain.units import Increment
from ari_app.ports.ledger import Held, MonthGrant, Settled
from tests.contract.desk import HOUR_MS, ZONE
from tests.contract.redis_server import RedisServer
from tests.support import until, until_sync

IN_FLIGHT = 256
ALLOWANCE_S, HELD_S, USED_S, CHARGED_S = 3_600, 60, 41, 60
OLD_EVERY, OLD_DAYS = 10, 500  # every tenth account has lain idle for so long
NOW_MS = time.time_ns() // 1_000_000
OLD_MS = NOW_MS - OLD_DAYS * 24 * HOUR_MS
SAMPLE = 500  # accounts that are charged; at every size the same number, so that they are as full everywhere


@dataclass
class Stock:
    """So many accounts on a server: each with its month's bucket and one line of its statement."""

    server: RedisServer
    accounts: int
    filled_in_s: float = 0
    idle_bytes: float = 0  # of all the memory that Redis uses, for each account
    key_bytes: float = 0  # what Redis says of an account's keys alone
    charged_s: int = 0  # so far, by all calls
    calls: int = 0

    @property
    def old(self) -> int:
        return len(range(0, self.accounts, OLD_EVERY))

    def sample(self, seed: int) -> list[int]:
        young = [n for n in range(self.accounts) if n % OLD_EVERY]
        return random.Random(seed).sample(young, min(SAMPLE, len(young)))


async def fill(stock: Stock) -> None:
    async with Client(stock) as client:
        before_bytes = await client.used_bytes()
        began_s = time.perf_counter()
        await at_once(client.touch, range(stock.accounts))
        await client.ledger.durable()
        stock.filled_in_s = time.perf_counter() - began_s
        stock.idle_bytes = (await client.used_bytes() - before_bytes) / stock.accounts
        sample = stock.sample(seed=1)
        asked = [("MEMORY", "USAGE", key) for n in sample for key in keys(payer(n))]
        stock.key_bytes = sum(used or 0 for used in await client.link.commands(asked)) / len(sample)


async def charge_everybody(stock: Stock) -> float:
    """A call each, but for those that are old: how long it took, in s."""
    async with Client(stock) as client:
        began_s = time.perf_counter()
        await at_once(client.pair, (n for n in range(stock.accounts) if n % OLD_EVERY))
        await client.ledger.durable()
        return time.perf_counter() - began_s


@dataclass
class Cost:
    """Of one operation, in µs, in one turn: by the CPU of Redis' thread, by Redis' clock, by the client's."""

    cpu: float
    own: float
    client: float


@dataclass
class Costs:
    pairs: list[Cost] = field(default_factory=list)
    touches: list[Cost] = field(default_factory=list)


async def measure(stocks: list[Stock], turns: int, each: int, seed: int) -> dict[int, Costs]:
    """By number of accounts. Every turn asks all servers, in another order, for the same."""
    found = {stock.accounts: Costs() for stock in stocks}
    samples = {stock.accounts: stock.sample(seed) for stock in stocks}
    clients = [Client(stock) for stock in stocks]
    for client in clients:
        await client.__aenter__()
    for turn in range(turns):
        for client in clients[turn % len(clients) :] + clients[: turn % len(clients)]:
            stock = client.stock
            sample = samples[stock.accounts]
            some = [sample[(turn * each + n) % len(sample)] for n in range(each)]
            found[stock.accounts].pairs.append(await client.cost(client.pair, some, 2 * each))
            found[stock.accounts].touches.append(await client.cost(client.touch, some * 2, 2 * each))
    for client in clients:
        await client.__aexit__()
    return found


def ratio(large: Iterable[Cost], small: Iterable[Cost], of: str) -> float:
    """Turn by turn, then the median: what disturbs the machine for a while is in both."""
    return median(getattr(a, of) / getattr(b, of) for a, b in zip(large, small, strict=True))


class Client:
    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.link = Link(stock.server.url, timeout_ms=30_000)
        self.ledger = RedisLedger(self.link)

    async def __aenter__(self) -> Client:
        await self.link.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.close()

    async def touch(self, n: int) -> None:
        at_ms = NOW_MS if n % OLD_EVERY else OLD_MS
        await self.ledger.touch(payer=payer(n), now_ms=at_ms, month=_month(at_ms))

    async def pair(self, n: int) -> None:
        """A call of 41 s, charged 60."""
        self.stock.calls += 1
        call = call_name(self.stock.calls)
        held = await self.ledger.hold(
            op=f"{call}:h0", payer=payer(n), call=call, want_s=HELD_S, increment=Increment(60, 60),
            month=_month(NOW_MS), max_live_calls=100, now_ms=NOW_MS,
        )  # fmt: skip
        assert held.seconds == HELD_S if isinstance(held, Held) else False, held
        settled = await self.ledger.settle(
            op=f"{call}:s", payer=payer(n), call=call, used_s=USED_S, rounded_s=CHARGED_S, now_ms=NOW_MS
        )
        assert isinstance(settled, Settled)
        self.stock.charged_s += settled.charged_s

    async def cost(self, ask: Callable[[int], Awaitable[None]], of: list[int], scripts: int) -> Cost:
        """Of each script that `ask` runs, over all these accounts."""
        await self.link.command("CONFIG", "RESETSTAT")
        cpu_ns, began_s = self.stock.server.cpu_ns, time.perf_counter()
        await at_once(ask, of)
        took_s, cpu_ns = time.perf_counter() - began_s, self.stock.server.cpu_ns - cpu_ns
        told = (await self.info("commandstats"))["cmdstat_evalsha"]
        stats = dict(one.split("=") for one in told.split(","))
        assert int(stats["calls"]) == scripts
        return Cost(cpu_ns / 1e3 / scripts, float(stats["usec_per_call"]), took_s * 1e6 / scripts)

    async def used_bytes(self) -> int:
        """When the log is not being written anew."""
        await until(self._is_quiet, within_s=120, every_s=0.05)
        return int((await self.info("memory"))["used_memory"])

    async def info(self, section: str) -> dict[str, str]:
        lines = (await self.link.command("INFO", section)).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    async def _is_quiet(self) -> bool:
        told = await self.info("persistence")
        return told["aof_rewrite_in_progress"] == "0" and told["aof_rewrite_scheduled"] == "0"


@dataclass(frozen=True)
class Ran:
    """A command of the CLI, run as an operator does: as a process of its own."""

    answer: dict[str, Any]
    took_s: float
    cpu_s: float
    peak_kb: int


def tool(home: Path, *words: str, within_s: float = 1_500) -> Ran:
    """Peak and CPU time are the kernel's, read until the end."""
    said, began_s, peak_kb, cpu_s = home / f"{words[1]}.json", time.perf_counter(), 0, 0.0
    with said.open("w") as out:
        command = [sys.executable, "-m", "ari_app.entrypoints.cli", *words, "--json"]
        process = subprocess.Popen(command, stdout=out)

    def is_over() -> bool:
        nonlocal peak_kb, cpu_s
        peak_kb, cpu_s = max(peak_kb, _peak_kb(process.pid)), _cpu_s(process.pid)
        return process.poll() is not None

    try:
        until_sync(is_over, within_s=within_s, what=" ".join(words))
    finally:
        process.kill()
        process.wait()
    return Ran(json.loads(said.read_text()), time.perf_counter() - began_s, cpu_s, peak_kb)


async def at_once(ask: Callable[[int], Awaitable[None]], of: Iterable[int]) -> None:
    """Each of these, IN_FLIGHT on the way."""
    left = iter(of)

    async def one_after_another() -> None:
        for n in left:
            await ask(n)

    await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))


def call_name(n: int) -> str:
    """As long as real ones."""
    return f"c{n:025d}"


def payer(n: int) -> str:
    return f"u{n:07d}"


_MONTHS = {
    at_ms: replace(month_of(at_ms, ZONE).grant(ALLOWANCE_S), why="personal, plans 2026-11")
    for at_ms in (OLD_MS, NOW_MS)
}


def _month(at_ms: int) -> MonthGrant:
    return _MONTHS[at_ms]


def _peak_kb(pid: int) -> int:
    """0 where it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
