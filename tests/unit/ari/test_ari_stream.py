"""Snapshot, then stream: what the gate holds, what it lets pass, and what happens when nobody takes the events."""

from __future__ import annotations

import asyncio
import random

from ari_app.adapters.ari import LinkSettings, LinkStatus, UnknownEvent
from ari_app.adapters.ari.backoff import Backoff
from ari_app.adapters.ari.stream import EventQueue


def numbered(number: int) -> UnknownEvent:
    return UnknownEvent(str(number), {})


async def taken(queue: EventQueue) -> list[str]:
    """What can be had now, without waiting for more."""
    got: list[str] = []

    async def take() -> None:
        async for event in queue:
            got.append(event.type)

    taker = asyncio.create_task(take())
    for _ in range(5):
        await asyncio.sleep(0)
    taker.cancel()
    await asyncio.gather(taker, return_exceptions=True)
    return got


async def test_events_wait_for_the_snapshot_and_keep_their_order() -> None:
    queue = EventQueue(10, LinkStatus())
    queue.gate(1)
    for number in (1, 2, 3):
        queue.put(numbered(number))
    assert await taken(queue) == []
    queue.open(1)
    assert await taken(queue) == ["1", "2", "3"]


async def test_a_second_connection_does_not_hold_back_what_the_first_brought() -> None:
    queue = EventQueue(10, LinkStatus())
    queue.gate(1)
    queue.open(1)
    queue.put(numbered(1))
    queue.gate(2)
    queue.put(numbered(2))
    assert await taken(queue) == ["1"]
    queue.open(2)
    assert await taken(queue) == ["2"]


async def test_events_of_a_connection_that_died_before_its_snapshot_come_after_the_next_one() -> None:
    queue = EventQueue(10, LinkStatus())
    queue.gate(1)
    queue.put(numbered(1))
    queue.gate(2)
    queue.put(numbered(2))
    queue.open(2)
    assert await taken(queue) == ["1", "2"]


async def test_a_full_queue_drops_everything_rather_than_something() -> None:
    status = LinkStatus()
    queue = EventQueue(3, status)
    assert [queue.put(numbered(number)) for number in range(4)] == [True, True, True, False]
    assert await taken(queue) == []
    assert (status.overflows, status.queue_high_water, status.queue_depth) == (1, 3, 0)


async def test_a_closed_queue_gives_what_it_has_and_ends() -> None:
    queue = EventQueue(10, LinkStatus())
    queue.put(numbered(1))
    queue.close()
    assert [event.type async for event in queue] == ["1"]


def test_the_first_retry_is_at_once_and_later_ones_spread_below_a_ceiling() -> None:
    settings = LinkSettings(retry_first_ms=50, retry_base_ms=200, retry_max_ms=3_000)
    backoff = Backoff(settings, random.Random(7))
    assert backoff.next_ms() == 50
    later = [backoff.next_ms() for _ in range(200)]
    assert later[0] <= 200
    assert later[1] <= 400
    assert all(50 <= ms <= 3_000 for ms in later)
    assert max(later) > 2_000
    assert len(set(later)) > 100
    backoff.reset()
    assert backoff.next_ms() == 50
