"""A request whose answer is lost is sent again, up to ten times, by two processes at once: it takes effect once."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.ports.ledger import Corrected, Granted, Held, Refunded, Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.contract.replayer import OPERATIONS

ROUNDS = 70 if os.environ.get("SOAK") else 2
SEED = int(os.environ.get("SEED") or 7)
ROOT = Path(__file__).parents[2]


async def test_what_two_processes_send_again_and_again_takes_effect_once(redis_server: RedisServer, link: Link) -> None:
    desk = Desk(RedisLedger(link))
    await desk.touch()
    processes = [await replayer(redis_server, seed) for seed in (SEED, SEED + 1)]
    lost = 0
    for n in range(ROUNDS):
        left_s = (await desk.account()).available_s
        expected = {
            "hold": Held(120, 120, left_s - 120), "settle": Settled(60, 60, 0, 0), "refund": Refunded(30, left_s - 30),
            "grant": Granted(600, left_s + 570), "correct": Corrected(-7, left_s + 563),
        }  # fmt: skip
        for what in OPERATIONS:
            told = await asyncio.gather(*(ask(process, f"{what} {n}") for process in processes))
            lost += sum(times for times, _ in told)
            assert {answer for _, answer in told} == {repr(expected[what])}

    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
        assert await process.wait() == 0
    account = await desk.account()
    lines = Counter((line.op, line.kind, line.expires_at_ms) for line in account.lines if line.op != "calendar")
    assert set(lines.values()) == {1}, "one of each bucket that it touched"
    assert len({op for op, _, _ in lines}) == ROUNDS * (len(OPERATIONS) - 1), "one operation each, but the holds"
    assert account.available_s == left_s + 563
    assert lost >= ROUNDS * len(OPERATIONS)
    print(f"replayed: {ROUNDS * len(OPERATIONS)} operations by two processes, {lost} answers lost")  # noqa: T201


async def replayer(server: RedisServer, seed: int) -> Process:
    command = (sys.executable, "-m", "tests.contract.replayer", server.url, str(seed))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=ROOT)
    assert process.stdout is not None
    while (await process.stdout.readline()).strip() != b"ready":  # the log of its connections comes there, too
        assert process.returncode is None
    return process


async def ask(process: Process, words: str) -> tuple[int, str]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{words}\n".encode())
    while line := (await process.stdout.readline()).decode():
        times, _, answer = line.strip().partition(" ")
        if times.isdigit():
            return int(times), answer
    raise AssertionError(f"{words}: it ended")
