"""A process that was stopped wakes up long after its timers were due, with all that was said meanwhile still unread."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.domain.events import Answered
from tests.laws import phones
from tests.laws.stories import (
    CALL,
    CALLEE_0,
    app,
    begin,
    calm_world,
    in_virtual_time,
    let_phones_be,
    until,
    until_settled,
    verdict,
)  # fmt: skip
from tests.laws.world import World

RING_S, STOPPED_S = 15, 60


@pytest.fixture
def world() -> World:
    return calm_world()


@in_virtual_time
async def test_a_phone_that_answered_while_the_process_stood_still_is_not_judged_by_the_clock(world: World) -> None:
    """It was told that nobody had answered: the timer was the first thing that was looked at."""
    let_phones_be(world, callee=phones.rings_for_ever)
    box = await begin(world, routes=1, ring_ms=1000 * RING_S)
    await until(world, lambda: CALLEE_0 in world.pbx.channels, within_s=5)
    await asyncio.sleep(1)
    answered_at_ms = world.loop.now_ms() + 2_000
    world.loop.now_s += STOPPED_S
    asyncio.get_running_loop().call_later(0.2, box.post, Answered("callee", 0, answered_at_ms))
    await asyncio.sleep(0.5)
    assert box.call.end is None
    assert box.call.leg("callee").answered_at_ms == answered_at_ms


@in_virtual_time
async def test_where_nothing_was_said_meanwhile_the_clock_judges_all_the_same(world: World) -> None:
    let_phones_be(world, callee=phones.rings_for_ever)
    await begin(world, routes=1, ring_ms=1000 * RING_S)
    await until(world, lambda: CALLEE_0 in world.pbx.channels, within_s=5)
    world.loop.now_s += STOPPED_S
    assert verdict(await until_settled(world, within_s=30))[0] == "callee_no_answer"
    assert app(world).mailbox(CALL) is None
