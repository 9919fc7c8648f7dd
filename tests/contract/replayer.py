"""A process of its own that does what it is told on its standard input, and hears the answer only when it has asked
again: `python -m tests.contract.replayer URL SEED`. For test_ledger_replayed.py, which runs two of them.

A line in: `<what> <n>`, such as `hold 3`. A line out: how many answers were lost before one came, and that one.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from tests.contract.desk import Desk
from tests.proxy import Proxy
from tests.support import until

SENT_MAX = 10
OPERATIONS: dict[str, Callable[[Desk, int], Awaitable[object]]] = {
    "hold": lambda desk, n: desk.hold(f"c{n}", 120),
    "settle": lambda desk, n: desk.settle(f"c{n}", 41, 60),
    "refund": lambda desk, n: desk.refund(f"c{n}", 30, op=f"r{n}"),
    "grant": lambda desk, n: desk.grant(600, f"g{n}"),
    "correct": lambda desk, n: desk.correct(-7, f"k{n}"),
}


async def main(url: str, seed: int) -> None:
    dice = random.Random(seed)
    host, _, port = url.removeprefix("redis://").partition("/")[0].partition(":")
    async with Proxy(host, int(port)) as proxy:
        link = Link(f"redis://127.0.0.1:{proxy.port}/0")
        await link.start()
        desk = Desk(RedisLedger(link))
        say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            what, n = line.split()
            lost, answer = 0, None
            for left in reversed(range(dice.randint(2, SENT_MAX))):
                await until(lambda: answers(link))
                proxy.loses = left > 0
                try:
                    answer = await OPERATIONS[what](desk, int(n))
                except Unavailable:
                    lost += 1
            say(f"{lost} {answer!r}")
        await link.close()


async def answers(link: Link) -> bool:
    try:
        return await link.command("PING") is not None
    except Unavailable:
        return False


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
