"""The keeper of a lease over memory and Redis: what it does when the lease ran out while the store was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ari_app.domain.errors import Unavailable
from ari_app.engine.nodes import LeaseKeeper
from ari_app.ports.leases import HeldBy, Lease, Leases, Lost
from tests.support import until

LONG_MS = 60_000
TTL_MS = 600  # renewed every 200 ms


class Flaky:
    """A store that can be away, and that can lose the answer to an acquisition."""

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self.is_away = False
        self.loses_answers = 0

    async def acquire(self, node: str, owner: str, ttl_ms: int) -> Lease | HeldBy:
        self._must_be_there()
        answer = await self._leases.acquire(node, owner, ttl_ms)
        if self.loses_answers:
            self.loses_answers -= 1
            raise Unavailable("the answer was lost")
        return answer

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | Lost:
        self._must_be_there()
        return await self._leases.renew(lease, ttl_ms)

    async def release(self, lease: Lease) -> None:
        self._must_be_there()
        await self._leases.release(lease)

    def _must_be_there(self) -> None:
        if self.is_away:
            raise Unavailable("away")


@asynccontextmanager
async def kept(store: Flaky, lost: Callable[[str], None]) -> AsyncIterator[LeaseKeeper]:
    keeper = LeaseKeeper(store, "pbx1", "me", ttl_ms=TTL_MS, margin_ms=0)
    await keeper.acquire()
    keeping = asyncio.create_task(keeper.keep(lost))
    try:
        yield keeper
    finally:
        keeping.cancel()


async def ran_out_while_away(store: Flaky, leases: Leases, keeper: LeaseKeeper) -> int:
    """The store is away until the lease is over for both sides. Gives the number that it had."""
    number = keeper.number
    store.is_away = True
    await until(lambda: not keeper.is_ours())
    await leases.release(Lease("pbx1", "me", number, 0))  # so that no clock decides
    return number


async def test_a_lease_that_ran_out_and_that_nobody_took_is_taken_again(leases: Leases) -> None:
    store, told = Flaky(leases), list[str]()
    async with kept(store, told.append) as keeper:
        number = await ran_out_while_away(store, leases, keeper)
        store.is_away = False
        await until(lambda: keeper.is_ours() or told)

        assert told == []
        assert keeper.number > number
        assert isinstance(await leases.acquire("pbx1", "you", LONG_MS), HeldBy)


async def test_so_it_is_when_the_answer_to_taking_it_again_was_lost(leases: Leases) -> None:
    store, told = Flaky(leases), list[str]()
    async with kept(store, told.append) as keeper:
        await ran_out_while_away(store, leases, keeper)
        store.loses_answers = 2
        store.is_away = False
        await until(lambda: keeper.is_ours() or told)

        assert told == []
        assert store.loses_answers == 0


async def test_a_lease_that_somebody_had_in_between_is_lost_and_left_free(leases: Leases) -> None:
    store, told = Flaky(leases), list[str]()
    async with kept(store, told.append) as keeper:
        await ran_out_while_away(store, leases, keeper)
        theirs = await leases.acquire("pbx1", "you", LONG_MS)
        assert isinstance(theirs, Lease)
        await leases.release(theirs)
        store.is_away = False

        await until(lambda: told)
        assert told == ["another process took the lease on pbx1"]
        assert not keeper.is_ours()
        assert isinstance(await leases.acquire("pbx1", "third", LONG_MS), Lease)


async def test_a_lease_that_somebody_has_is_lost(leases: Leases) -> None:
    store, told = Flaky(leases), list[str]()
    async with kept(store, told.append) as keeper:
        await ran_out_while_away(store, leases, keeper)
        theirs = await leases.acquire("pbx1", "you", LONG_MS)
        assert isinstance(theirs, Lease)
        store.is_away = False

        await until(lambda: told)
        assert isinstance(await leases.renew(theirs, LONG_MS), Lease)


async def test_of_the_owner_before_this_one_the_number_is_told(leases: Leases) -> None:
    mine = await leases.acquire("pbx1", "me", LONG_MS)
    again = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(mine, Lease)
    assert isinstance(again, Lease)
    assert (mine.previous, again.previous) == (0, 0)

    await leases.release(again)
    theirs = await leases.acquire("pbx1", "you", LONG_MS)
    assert isinstance(theirs, Lease)
    assert theirs.previous == again.number
    await leases.release(theirs)
    last = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(last, Lease)
    assert last.previous == theirs.number
