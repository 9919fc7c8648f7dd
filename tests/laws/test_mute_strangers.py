"""A stranger on the PBX that answers no request: each one costs the link, and with it the sight of every other call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ari_app.engine.strangers import HANGS_MAX
from ari_app.ports.telephony import TimedOut
from tests.laws.pbx import Chan
from tests.laws.stories import OTHER, app, begin, calm_world, in_virtual_time, is_talking, link_lost, until
from tests.laws.world import World

Patch = pytest.MonkeyPatch
STRANGER = f"{OTHER}.caller.0"


@pytest.fixture
def world() -> World:
    return calm_world()


def mute(world: World, links: list[float], ask: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """As the client does it: where no answer comes, the link is dropped and made anew."""

    async def asked(what: str) -> None:
        if not what.startswith(OTHER):
            return await ask(what)
        await asyncio.sleep(5)
        links.append(world.loop.now_s)
        world.pbx._spawn(link_lost(world, for_s=0.3))
        await asyncio.sleep(0.01)
        raise TimedOut("no reply in time")

    return asked


@pytest.mark.parametrize("what", ["hang_up", "close_bridge"])
@in_virtual_time
async def test_a_mute_stranger_is_left_alone_in_the_end(world: World, monkeypatch: Patch, what: str) -> None:
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=20)
    if what == "hang_up":
        world.pbx.channels[STRANGER] = Chan(STRANGER, world.loop.now_ms(), "up")
    else:
        world.pbx.bridges[OTHER] = set()
    links: list[float] = []
    monkeypatch.setattr(world.pbx, what, mute(world, links, getattr(world.pbx, what)))
    await link_lost(world, for_s=1)
    await asyncio.sleep(300)
    assert len(links) == HANGS_MAX
    assert app(world).sees_pbx
    assert is_talking(world)
