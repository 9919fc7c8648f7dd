"""Many clients at once, and a network that loses answers: on a real Redis, the laws hold and nothing counts twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ledger_tools import verify
from ari_app.ports.ledger import Held, Kind, Refused, Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.proxy import Proxy
from tests.support import until

ROUNDS = 20 if os.environ.get("SOAK") else 1
SEED = int(os.environ.get("SEED") or 7)
CALLS = 150
CLIENTS, ACCOUNTS = 50, 1_000


@asynccontextmanager
async def clients(server: RedisServer, count: int) -> AsyncIterator[list[RedisLedger]]:
    """So many links, as of so many processes."""
    links = [Link(server.url) for _ in range(count)]
    try:
        await asyncio.gather(*(link.start() for link in links))
        yield [RedisLedger(link) for link in links]
    finally:
        await asyncio.gather(*(link.close() for link in links))


@dataclass
class Talk:
    payer: str
    call: str
    ledger: RedisLedger
    used_s: int

    async def charged_s(self, allowance_s: int) -> int:
        """0 where nothing was left to hold."""
        desk = Desk(self.ledger, self.payer, increment="1/1", allowance_s=allowance_s)
        desk.max_live_calls = 1_000
        held = await desk.hold(self.call, max(40, self.used_s))
        if isinstance(held, Refused):
            return 0
        settled = await desk.settle(self.call, self.used_s)
        assert isinstance(settled, Settled)
        return settled.charged_s


async def all_talk(talks: Sequence[Talk], allowance_s: int) -> Counter[str]:
    """What each payer was charged. A few of each client at a time."""
    charged_s: Counter[str] = Counter()
    left = iter(talks)

    async def one_after_another() -> None:
        for talk in left:
            charged = await talk.charged_s(allowance_s)
            charged_s[talk.payer] += charged

    await asyncio.gather(*(one_after_another() for _ in range(4 * CLIENTS)))
    return charged_s


async def test_fifty_clients_spend_one_account_to_the_last_second_and_not_beyond(
    redis_server: RedisServer, link: Link
) -> None:
    async with clients(redis_server, CLIENTS) as ledgers:
        talks = [Talk("alice", f"c{n}", ledgers[n % CLIENTS], used_s=n % 41) for n in range(8 * CLIENTS * ROUNDS)]
        enough_s = sum(talk.used_s for talk in talks) * 3 // 4
        charged_s = await all_talk(talks, enough_s)

        rest_s = await Talk("alice", "rest", ledgers[0], used_s=enough_s).charged_s(enough_s)
    account = await Desk(RedisLedger(link)).account()
    assert account.totals.spent_s == charged_s["alice"] + rest_s == enough_s
    assert (account.available_s, account.held_s) == (0, 0)
    assert len(account.settlements) < len(talks), "some came when it was empty"


async def test_fifty_clients_spend_a_thousand_accounts_and_each_sum_is_exact(
    redis_server: RedisServer, link: Link
) -> None:
    """Each account is charged by several clients, some of them at once."""
    dice = random.Random(SEED)
    payers = [f"u{n}" for n in range(ACCOUNTS)]
    async with clients(redis_server, CLIENTS) as ledgers:
        talks = [
            Talk(payers[n % ACCOUNTS], f"c{n}", ledgers[dice.randrange(CLIENTS)], used_s=dice.randint(0, 40))
            for n in range(2 * ACCOUNTS * ROUNDS)
        ]
        charged_s = await all_talk(dice.sample(talks, len(talks)), 3_600)

    checked = await verify(RedisLedger(link))
    assert (checked.accounts, checked.broken, checked.held_s) == (ACCOUNTS, [], 0)
    assert checked.totals.spent_s == charged_s.total() == sum(talk.used_s for talk in talks)
    for payer in payers:
        account = await Desk(RedisLedger(link), payer).account()
        assert account.totals.spent_s == charged_s[payer] == 3_600 - account.available_s


async def test_one_operation_asked_by_many_at_once_takes_effect_once(redis_server: RedisServer, link: Link) -> None:
    async with clients(redis_server, CLIENTS) as ledgers:
        desks = [Desk(ledger) for ledger in ledgers]
        held = await asyncio.gather(*(desk.hold("c1", 60) for desk in desks))
        settled = await asyncio.gather(*(desk.settle("c1", 50, 60) for desk in desks))
        granted = await asyncio.gather(*(desk.grant(600) for desk in desks))

    assert (len(set(held)), len(set(settled)), len(set(granted))) == (1, 1, 1)
    account = await Desk(RedisLedger(link)).account()
    assert (account.totals.spent_s, account.available_s) == (60, 3540 + 600)


@pytest.mark.parametrize("turn", range(ROUNDS))
async def test_answers_that_are_lost_are_asked_for_again_and_nothing_counts_twice(
    redis_server: RedisServer, link: Link, turn: int
) -> None:
    """Each of many calls holds, grants itself a bonus, talks 7 s and settles, over a connection that is cut again and
    again while answers are on the way; whoever hears nothing asks again by the same operation id."""
    dice, heard, lost = random.Random(SEED + turn), 0, 0
    async with Proxy("127.0.0.1", redis_server.port) as proxy:
        unsure = Link(f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=1000)
        await unsure.start()
        desk = Desk(RedisLedger(unsure), increment="1/1", allowance_s=100_000)
        desk.max_live_calls = CALLS

        async def surely(ask, *args):  # type: ignore[no-untyped-def]
            nonlocal heard, lost
            while True:
                try:
                    answer = await ask(*args)
                except Unavailable:
                    lost += 1
                    await asyncio.sleep(dice.uniform(0, 0.02))
                else:
                    heard += 1
                    return answer

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
            """Cuts come as fast as the link can stand up again and one answer get through, on any machine."""
            while True:
                await until(lambda before=heard: unsure.is_up and heard > before, 30, "an answer", every_s=0.001)  # type: ignore[misc]
                await asyncio.sleep(dice.uniform(0, 0.02))
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
