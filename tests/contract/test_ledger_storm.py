"""Many clients at once, and a network that loses answers: on a real Redis, the laws hold and nothing counts twice."""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Held, Kind, Refused, Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.proxy import Proxy

ROUNDS = 20 if os.environ.get("SOAK") else 1
SEED = int(os.environ.get("SEED") or 7)
CALLS = 150


async def test_many_processes_spend_one_account_to_the_last_second_and_not_beyond(
    redis_server: RedisServer, link: Link
) -> None:
    clients = [Link(redis_server.url) for _ in range(4)]
    await asyncio.gather(*(client.start() for client in clients))
    desks = [Desk(RedisLedger(client), increment="1/1", allowance_s=10_000) for client in clients]
    for desk in desks:
        desk.max_live_calls = 1000

    async def call(n: int) -> int:
        desk = desks[n % len(desks)]
        held = await desk.hold(f"c{n}", 40)
        if not isinstance(held, Held):
            return 0
        settled = await desk.settle(f"c{n}", used_s=n % 41)
        assert isinstance(settled, Settled)
        return settled.charged_s

    charged_s = sum(await asyncio.gather(*(call(n) for n in range(400))))

    account = await desks[0].account()
    assert account.totals.spent_s == charged_s
    assert (account.available_s, account.held_s) == (10_000 - charged_s, 0)
    await asyncio.gather(*(client.close() for client in clients))


async def test_one_operation_asked_by_many_at_once_takes_effect_once(redis_server: RedisServer, link: Link) -> None:
    clients = [Link(redis_server.url) for _ in range(3)]
    await asyncio.gather(*(client.start() for client in clients))
    desks = [Desk(RedisLedger(client)) for client in clients]

    held = await asyncio.gather(*(desk.hold("c1", 60) for desk in desks * 10))
    settled = await asyncio.gather(*(desk.settle("c1", 50, 60) for desk in desks * 10))
    granted = await asyncio.gather(*(desk.grant(600) for desk in desks * 10))

    assert (len(set(held)), len(set(settled)), len(set(granted))) == (1, 1, 1)
    account = await desks[0].account()
    assert (account.totals.spent_s, account.available_s) == (60, 3540 + 600)
    await asyncio.gather(*(client.close() for client in clients))


@pytest.mark.parametrize("turn", range(ROUNDS))
async def test_answers_that_are_lost_are_asked_for_again_and_nothing_counts_twice(
    redis_server: RedisServer, link: Link, turn: int
) -> None:
    """Each of many calls holds, grants itself a bonus, talks 7 s and settles, over a connection that is cut again and
    again while answers are on the way; whoever hears nothing asks again by the same operation id."""
    dice, lost = random.Random(SEED + turn), 0
    async with Proxy("127.0.0.1", redis_server.port) as proxy:
        unsure = Link(f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=1000)
        await unsure.start()
        desk = Desk(RedisLedger(unsure), increment="1/1", allowance_s=100_000)
        desk.max_live_calls = CALLS

        async def surely(ask, *args):  # type: ignore[no-untyped-def]
            nonlocal lost
            while True:
                try:
                    return await ask(*args)
                except Unavailable:
                    lost += 1
                    await asyncio.sleep(dice.uniform(0, 0.02))

        async def call(n: int) -> None:
            await asyncio.sleep(dice.uniform(0, 0.5))
            for answer, kind in (
                (await surely(desk.hold, f"c{n}", 20), Held),
                (await surely(desk.grant, 3, f"g{n}", Kind.BONUS), object),
                (await surely(desk.settle, f"c{n}", 7), Settled),
            ):
                assert isinstance(answer, kind)
                assert not isinstance(answer, Refused)

        async def cut() -> None:
            while True:
                await asyncio.sleep(dice.uniform(0.005, 0.05))
                proxy.cut()

        cutter = asyncio.create_task(cut())
        await asyncio.gather(*(call(n) for n in range(CALLS)))
        cutter.cancel()
        await unsure.close()

    account = await Desk(RedisLedger(link)).account()
    assert lost > 0
    assert account.totals.spent_s == 7 * CALLS
    assert (account.held_s, account.available_s) == (0, 100_000 - 7 * CALLS + 3 * CALLS)
    assert len(account.settlements) == CALLS
