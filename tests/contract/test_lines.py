"""A trunk's lines over memory, Redis and a cluster: no more than are allowed, none taken twice, none lost for good."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.adapters.redis.lines import RedisLines
from ari_app.ports.lines import Full, Lines
from tests.contract.conftest import STORES
from tests.support import until

STALE_MS, WINDOW_MS = 1_000, 400

Make = Callable[..., Lines]


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "memory":
        return MemoryLines
    link = request.getfixturevalue("cluster_link" if request.param == "cluster" else "link")
    return lambda **times: RedisLines(link, **times)


@pytest.fixture
def lines(make: Make) -> Lines:
    return make()


def channels(count: int, first: int = 0) -> list[str]:
    return [f"c{first + n}.caller.0" for n in range(count)]


async def take(lines: Lines, channel: str, most: int = 0, cps: int = 0, also: tuple[str, ...] = ()) -> Full | None:
    return await lines.take("telco", channel, max_channels=most, max_cps=cps, also=also)


async def test_no_more_lines_than_there_are_whoever_asks_at_once(lines: Lines) -> None:
    answers = await asyncio.gather(*(take(lines, one, most=10) for one in channels(40)))

    assert answers.count(None) == 10
    assert answers.count(Full("channels")) == 30
    assert await lines.in_use("telco") == 10
    assert await lines.in_use("other") == 0


async def test_asked_again_a_channel_has_its_line_already_and_begins_once(lines: Lines) -> None:
    for _ in range(3):
        assert await take(lines, "c1.caller.0", most=1, cps=1) is None
    assert await lines.in_use("telco") == 1
    assert await take(lines, "c2.caller.0", most=1) == Full("channels")


async def test_a_freed_line_is_had_by_the_next_one(lines: Lines) -> None:
    await take(lines, "c1.caller.0", most=1)
    await lines.free("telco", "c1.caller.0")
    await lines.free("telco", "c1.caller.0")

    assert await take(lines, "c2.caller.0", most=1) is None


async def test_a_call_gets_all_of_its_lines_or_none(lines: Lines) -> None:
    assert await take(lines, "c1.caller.0", most=3, also=("c1.callee.0",)) is None
    assert await lines.in_use("telco") == 2
    assert await take(lines, "c2.caller.0", most=3, also=("c2.callee.0",)) == Full("channels")
    assert await lines.in_use("telco") == 2
    assert await take(lines, "c1.callee.0", most=2) is None, "its line was kept for it"


async def test_without_limits_every_channel_is_counted_all_the_same(lines: Lines) -> None:
    for one in channels(5):
        assert await take(lines, one) is None

    assert await lines.in_use("telco") == 5


async def test_a_line_that_nobody_sees_any_more_is_free_and_one_that_is_seen_is_kept(make: Make) -> None:
    lines = make(stale_ms=STALE_MS)
    await take(lines, "dead.caller.0", most=2)
    await take(lines, "live.caller.0", most=2)

    async def has_room() -> bool:
        await lines.seen("telco", ["live.caller.0"])
        return await take(lines, "next.caller.0", most=2) is None

    await until(has_room)
    assert await lines.in_use("telco") == 2
    assert await take(lines, "dead.caller.0", most=2) == Full("channels")


async def test_what_lives_is_counted_again_where_the_store_has_lost_it(lines: Lines) -> None:
    await lines.seen("telco", [])
    await lines.seen("telco", channels(3))

    assert await lines.in_use("telco") == 3
    assert await take(lines, "c9.caller.0", most=3) == Full("channels")


async def test_in_any_window_no_more_begin_than_may(make: Make) -> None:
    """A channel counts from its dial on: until that is told of, it may begin any moment."""
    lines = make(window_ms=WINDOW_MS)
    begun: list[float] = []

    async def begins(channel: str) -> None:
        while (full := await take(lines, channel, cps=3)) is not None:
            assert 1 <= full.again_ms <= WINDOW_MS
            await asyncio.sleep(full.again_ms / 1000)
        await asyncio.sleep(0.15 if channel == "c0.caller.0" else 0)  # one PBX is slow
        begun.append(time.monotonic())
        await lines.begun("telco", channel)

    await asyncio.gather(*map(begins, channels(10)))
    begun.sort()
    assert min(later - one for one, later in zip(begun, begun[3:], strict=False)) >= WINDOW_MS / 1000 - 0.02
    assert begun[-1] - begun[0] < 4 * WINDOW_MS / 1000 + 0.5, "and not many fewer"


async def test_one_whose_dial_nobody_told_of_still_counts(make: Make) -> None:
    lines = make(window_ms=1)
    assert await take(lines, "c1.caller.0", cps=1) is None
    await asyncio.sleep(0.01)
    assert await take(lines, "c2.caller.0", cps=1) == Full("cps", 1)

    await lines.begun("telco", "c1.caller.0")
    await lines.begun("telco", "never.taken.0")
    await until(lambda: _taken(lines, "c2.caller.0"))


async def _taken(lines: Lines, channel: str) -> bool:
    return await take(lines, channel, cps=1) is None
