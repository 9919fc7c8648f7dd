"""Whether a dial was never sent is proved by the PBX's record only from the moment on at which nobody could send it any
more; when it was decided says nothing of that: it waits for its save, and for its trunk."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.laws import phones
from tests.laws.stories import (
    CALLER_0,
    app_killed,
    calm_world,
    in_virtual_time,
    let_phones_be,
    open_doors,
    start,
    until,
    until_settled,
    verdict,
)  # fmt: skip
from tests.laws.test_old_sights import SlowSaves
from tests.laws.world import World

HELD_BACK_S = 5.0
"""Longer than the rows of any channel are under way."""


@pytest.fixture
def world() -> World:
    """The caller is busy, and gone before anybody looks; what the PBX writes of it can be read two seconds later."""
    world = calm_world()
    let_phones_be(world, caller=phones.busy)
    world.pbx._weather = replace(world.pbx._weather, cel_late_ms=2_000)
    return world


async def dial_held_back(world: World) -> SlowSaves:
    """It was decided, and is saved, and has not gone out: for a while already."""
    engine = await open_doors(world, minutes_s=3_600)
    slow = engine.calls = SlowSaves(world.calls)
    await start(world, routes=1)
    await slow.is_hanging.wait()
    await asyncio.sleep(HELD_BACK_S)
    return slow


@in_virtual_time
async def test_a_dial_that_went_out_long_after_it_was_decided_is_looked_for_as_any_other(world: World) -> None:
    slow = await dial_held_back(world)
    slow.let_go.set()
    await until(world, lambda: CALLER_0 in world.pbx.rung, within_s=5, every_s=0.0005)
    await app_killed(world, for_s=0.1)
    assert verdict(await until_settled(world)) == ("caller_busy", "caller", 0)
    assert world.pbx.rung == {CALLER_0: 1}


@in_virtual_time
async def test_a_dial_of_the_owner_before_that_comes_after_the_new_ones_look_is_found(world: World) -> None:
    """He was paused beyond his lease as he wrote it: it is the one request of his that is still carried out."""
    slow = await dial_held_back(world)
    world.line.usurped(strays=1)
    world.pbx.cut_link()
    world.pbx.forget_the_end_of_the_link()
    await world.boot()
    await asyncio.sleep(0.2)
    slow.let_go.set()
    await asyncio.sleep(1)
    assert verdict(await until_settled(world)) == ("caller_busy", "caller", 0)
    assert world.pbx.rung == {CALLER_0: 1}
