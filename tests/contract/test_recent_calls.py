"""Who called a number last, over memory, Redis and a cluster: whoever returns the call finds him, for so many days."""

from __future__ import annotations

import pytest

from ari_app.adapters.memory_recent_calls import MemoryRecentCalls
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.recent_calls import RedisRecentCalls
from ari_app.domain.errors import CallerError
from ari_app.ports.recent_calls import RecentCalls
from tests.contract.conftest import STORES
from tests.support import until

BOB = "+8613900000002"
AT_MS = 1_795_422_792_123
DAY_S = 86_400


@pytest.fixture(params=STORES)
def recent(request: pytest.FixtureRequest) -> RecentCalls:
    if request.param == "memory":
        return MemoryRecentCalls(lambda: AT_MS)
    link: Link = request.getfixturevalue("link" if request.param == "redis" else "cluster_link")
    return RedisRecentCalls(link)


async def test_the_last_caller_is_found_whatever_the_order_in_which_calls_are_noted(recent: RecentCalls) -> None:
    assert await recent.last(BOB) is None
    await recent.note(BOB, "alice", at_ms=AT_MS, keep_s=DAY_S)
    assert await recent.last(BOB) == "alice"

    await recent.note(BOB, "carol", at_ms=AT_MS + 1000, keep_s=DAY_S)
    await recent.note(BOB, "alice", at_ms=AT_MS, keep_s=DAY_S)  # noted again, after a crash
    await recent.note(BOB, "dave", at_ms=AT_MS - 1000, keep_s=DAY_S)

    assert await recent.last(BOB) == "carol"
    assert await recent.last("+8613900000003") is None


async def test_many_callers_of_one_number_do_not_pile_up(recent: RecentCalls) -> None:
    for n in range(50):
        await recent.note(BOB, f"u{n}", at_ms=AT_MS + n, keep_s=DAY_S)

    assert await recent.last(BOB) == "u49"


async def test_it_is_forgotten_in_time(link: Link) -> None:
    recent = RedisRecentCalls(link)
    await recent.note(BOB, "alice", at_ms=AT_MS, keep_s=1)

    async def is_forgotten() -> bool:
        return await recent.last(BOB) is None

    await until(is_forgotten, 3, "the note is gone")


async def test_what_is_no_number_or_user_is_never_a_key(recent: RecentCalls) -> None:
    for number, user in (("", "alice"), ("+86}:{x", "alice"), (BOB, "a b")):
        with pytest.raises(CallerError):
            await recent.note(number, user, at_ms=AT_MS, keep_s=DAY_S)
