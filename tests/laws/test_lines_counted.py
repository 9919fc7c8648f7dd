"""The law of a trunk's lines counts those of that trunk, whichever try of a leg goes over it."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace

import pytest

from ari_app.flows import flows
from tests.laws import phones
from tests.laws.stories import calm_world, let_phones_be, open_doors
from tests.laws.test_teeth import dials_though_all_lines_are_taken
from tests.laws.virtual_time import run
from tests.laws.world import World, trunk_test_call


def broken_by(trunks: tuple[str, ...]) -> tuple[str, int]:
    """What the law says of tests of these trunks, all at once, the first trunk having three lines; and how many phones
    ring by then."""
    world = calm_world()
    let_phones_be(world, callee=phones.rings_for_ever)
    world.flow, world.carriers.most = flows()["trunk_test"], 3
    world.carriers._trunks[0] = replace(world.carriers._trunks[0], max_channels=3)
    return run(world.loop, _rung(world, trunks))


async def _rung(world: World, trunks: tuple[str, ...]) -> tuple[str, int]:
    engine = await open_doors(world, minutes_s=60)
    for i, trunk in enumerate(trunks):
        call = trunk_test_call(f"c{i:026d}", random.Random(1), world.loop.now_ms())
        [leg] = call.legs
        leg = replace(leg, routes=(replace(leg.routes[0], trunk=trunk),))
        await engine.start(replace(call, legs=(leg,)), ())
    await asyncio.sleep(1)
    return world.carriers.why_broken(world), len(world.pbx.channels)


def test_lines_of_another_trunk_do_not_count() -> None:
    assert broken_by(("t1", "t1", "t1", "t0")) == ("", 4)


def test_one_more_than_there_are_is_not_dialled() -> None:
    assert broken_by(("t0", "t0", "t0", "t0")) == ("", 3)


def test_one_more_than_there_are_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    dials_though_all_lines_are_taken(monkeypatch)
    said, ringing = broken_by(("t0", "t1", "t0", "t0", "t0"))
    assert (said[:36], ringing) == ("4 channels of a trunk that has 3: ['", 5)
