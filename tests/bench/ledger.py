"""How many hold + settle pairs a second one process does on a real Redis with its log on disk, against a raw client.

The raw client sends the same scripts with the same arguments over a plain socket, a batch always on the way, and does
nothing with the answers but count them. Both run in turns, many short ones, as the machine is never quiet.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import hiredis

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.scripts import shipped
from ari_app.domain import ledger_asks
from ari_app.domain.ledger import epoch
from ari_app.domain.plans import Team, month_of
from ari_app.domain.units import Increment
from ari_app.plans_file import shipped as shipped_plans
from ari_app.ports.ledger import Held, Kind, MonthGrant, Settled
from tests.contract.redis_server import RedisServer

INCREMENT = Increment(60, 60)
USED_S, ROUNDED_S = 41, 60
PAYERS = 2_000
IN_FLIGHT = 256
_round = itertools.count(1)


def bench_ledger(pairs: int = 3_000, rounds: int = 9) -> dict[str, float]:
    """{"pairs_per_s", "raw_pairs_per_s", "ratio_raw", "client_cpu_us_per_pair"}: medians over the rounds."""
    with tempfile.TemporaryDirectory(prefix="ringbridge-bench") as home:
        server = RedisServer(Path(home)).start()
        try:
            return asyncio.run(_bench(server, pairs, rounds))
        finally:
            server.kill()


async def _bench(server: RedisServer, pairs: int, rounds: int) -> dict[str, float]:
    link = Link(server.url)
    await link.start()
    try:
        await _top_up(RedisLedger(link))
        ours, raw, cpu_us = [], [], []
        for _ in range(rounds):
            cpu_s = time.process_time()
            ours.append(await _ours(RedisLedger(link), pairs))
            cpu_us.append((time.process_time() - cpu_s) * 1e6 / pairs)
            raw.append(_raw(server.port, pairs))
    finally:
        await link.close()
    ratios = [mine / its for mine, its in zip(ours, raw, strict=True)]
    return {
        "pairs_per_s": round(statistics.median(ours)),
        "raw_pairs_per_s": round(statistics.median(raw)),
        "ratio_raw": round(statistics.median(ratios), 3),
        "client_cpu_us_per_pair": round(statistics.median(cpu_us), 1),
    }


async def _top_up(ledger: RedisLedger) -> None:
    """Every account is there, and none runs dry."""
    now_ms = int(time.time() * 1000)
    asked = (
        ledger.grant(op="much", payer=f"payer{n}", kind=Kind.BOUGHT, seconds=1_000_000, now_ms=now_ms)
        for n in range(PAYERS)
    )
    await asyncio.gather(*asked)
    await _ours(ledger, PAYERS)


async def _ours(ledger: RedisLedger, pairs: int) -> float:
    """Pairs a second, IN_FLIGHT at a time, as calls of different payers do it."""
    turn, left = next(_round), iter(range(pairs))
    now_ms = int(time.time() * 1000)
    month = _month(now_ms)

    async def one_after_another() -> None:
        for n in left:
            call, payer = f"b{turn}-{n}", f"payer{n % PAYERS}"
            held = await ledger.hold(
                op=f"{call}:h0", payer=payer, call=call, want_s=60, increment=INCREMENT, month=month,
                max_live_calls=100, now_ms=now_ms,
            )  # fmt: skip
            settled = await ledger.settle(
                op=f"{call}:s", payer=payer, call=call, used_s=USED_S, rounded_s=ROUNDED_S, now_ms=now_ms
            )
            assert isinstance(held, Held)
            assert isinstance(settled, Settled)
            assert settled.charged_s == ROUNDED_S

    began_s = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(IN_FLIGHT)))
    took_s = time.perf_counter() - began_s
    await ledger.durable()
    return pairs / took_s


def _month(now_ms: int) -> MonthGrant:
    """As the engine asks for it: of a user with a proved number, who is in a team."""
    plans = shipped_plans()
    best = plans.best([Team(12, id="acme")])
    grant = month_of(now_ms, "Asia/Shanghai").grant(best.allowance_s)
    return replace(grant, counted_s=0, why=f"{best.why}, plans {plans.version}")


def _raw(port: int, pairs: int) -> float:
    """The same, by a blocking socket: one batch is being answered while the next one is packed and sent."""
    commands = iter(list(_commands(next(_round), pairs)))
    reader = hiredis.Reader()
    waiting = 0
    with socket.create_connection(("127.0.0.1", port)) as to:
        to.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        began_s = time.perf_counter()
        while True:
            batch = [hiredis.pack_command(command) for command in itertools.islice(commands, IN_FLIGHT)]
            to.sendall(b"".join(batch))
            waiting += len(batch)
            while waiting > (IN_FLIGHT if batch else 0):
                reader.feed(to.recv(65536))
                while (reply := reader.gets()) is not False:
                    waiting -= 1
                    assert reply[:1] in (b"H", b"S"), reply
            if not batch:
                return pairs / (time.perf_counter() - began_s)


def _commands(turn: int, pairs: int) -> Iterator[tuple[str | int, ...]]:
    now_ms = int(time.time() * 1000)
    month = _month(now_ms)
    hold, settle, this = shipped()["hold"].sha, shipped()["settle"].sha, epoch(now_ms)
    for start in range(0, pairs, IN_FLIGHT // 2):  # a settlement is as far behind its hold as with us
        batch = range(start, min(start + IN_FLIGHT // 2, pairs))
        for n in batch:
            call, p = f"b{turn}-{n}", f"{{p:payer{n % PAYERS}}}:"
            op = f"{call}:h0"
            yield (
                "EVALSHA", hold, 6, p + "a", p + "c", p + "s", f"{p}o{this}", f"{p}o{this - 1}", f"{p}o{this + 1}", op,
                ledger_asks.hold(op, call, 60, INCREMENT), now_ms, call, 60, 60, 60, 100,
                month.key, month.allowance_s, month.ends_at_ms, month.counted_s, month.why,
            )  # fmt: skip
        for n in batch:
            call, p = f"b{turn}-{n}", f"{{p:payer{n % PAYERS}}}:"
            op = f"{call}:s"
            yield (
                "EVALSHA", settle, 6, p + "a", p + "c", p + "s", f"{p}o{this}", f"{p}o{this - 1}", f"{p}o{this + 1}",
                op, ledger_asks.settle(op, call, USED_S, ROUNDED_S), now_ms, call, USED_S, ROUNDED_S,
            )  # fmt: skip
