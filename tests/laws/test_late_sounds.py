"""A ringback or music that was asked for over a lost link, and begins when the new link's first look is over: nobody
knows of it, and it would go on over the talk to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ari_app.engine.sight import LOOK_AGAIN_S
from ari_app.ports.telephony import LinkLost, PbxError
from tests.laws import phones
from tests.laws.stories import (
    CALLER_0,
    app,
    app_killed,
    begin,
    calm_world,
    in_virtual_time,
    is_talking,
    let_phones_be,
    link_lost,
    until,
)  # fmt: skip
from tests.laws.world import World

Patch = pytest.MonkeyPatch
SOUNDS = pytest.mark.parametrize("sound", ["ringback", "music"])


@pytest.fixture
def world() -> World:
    return calm_world()


class StuckPlay:
    """The first waiting sound hangs in the PBX, on the thread of a link that dies; it is begun when the story says."""

    def __init__(self, world: World, patch: Patch) -> None:
        self._pbx, self._play = world.pbx, world.pbx.play
        self._args: tuple[str, ...] = ()
        self.is_asked = asyncio.Event()
        patch.setattr(world.pbx, "play", self._asked)

    async def _asked(self, *args: str) -> None:
        if self.is_asked.is_set() or not args[1].partition(".")[2].startswith("waiting"):
            await self._play(*args)
            return
        self._args = args
        self.is_asked.set()
        await asyncio.sleep(0.01)
        raise LinkLost("lost after")

    async def begins(self) -> None:
        await self._play(*self._args)
        assert self._pbx.endless(CALLER_0)


async def begins_late(world: World, patch: Patch, *, sound: str, answer_in_s: float) -> StuckPlay:
    """The link has come back, and all is as it was before: but for a sound that will begin."""
    let_phones_be(world, callee=phones.slow(in_s=answer_in_s))
    stuck = StuckPlay(world, patch)
    await begin(world, waiting=sound, prompt=False)
    await stuck.is_asked.wait()
    await link_lost(world, for_s=0.005)
    await until(world, lambda: app(world).sees_pbx, within_s=1, every_s=0.01)
    return stuck


async def hears_the_callee(world: World, within_s: float = LOOK_AGAIN_S + 1) -> None:
    await until(world, lambda: is_talking(world), within_s=30)
    await until(world, lambda: not world.pbx.endless(CALLER_0), within_s)


@SOUNDS
@in_virtual_time
async def test_one_that_begins_while_the_callee_rings_ends_with_the_ringing(
    world: World, sound: str, monkeypatch: Patch
) -> None:
    stuck = await begins_late(world, monkeypatch, sound=sound, answer_in_s=8)
    await stuck.begins()
    await asyncio.sleep(LOOK_AGAIN_S + 1)
    assert world.pbx.endless(CALLER_0), "what is wanted still goes on"
    await hears_the_callee(world)


@SOUNDS
@in_virtual_time
async def test_one_that_begins_in_the_talk_is_stopped(world: World, sound: str, monkeypatch: Patch) -> None:
    stuck = await begins_late(world, monkeypatch, sound=sound, answer_in_s=0.5)
    await until(world, lambda: is_talking(world), within_s=LOOK_AGAIN_S - 0.5)
    await until(world, lambda: not world.pbx.endless(CALLER_0), within_s=0.3)
    await stuck.begins()
    await hears_the_callee(world)


@in_virtual_time
async def test_one_that_was_missed_by_a_link_that_flaps_is_stopped(world: World, monkeypatch: Patch) -> None:
    """No second look comes to its end before the link is lost again."""
    stuck = await begins_late(world, monkeypatch, sound="ringback", answer_in_s=8)
    await link_lost(world, for_s=0.005)
    await until(world, lambda: app(world).sees_pbx, within_s=1)
    await stuck.begins()
    await hears_the_callee(world)


@in_virtual_time
async def test_one_that_was_missed_by_an_app_that_died_is_stopped_by_the_next(world: World, monkeypatch: Patch) -> None:
    stuck = await begins_late(world, monkeypatch, sound="ringback", answer_in_s=8)
    await asyncio.sleep(1)
    await stuck.begins()
    await app_killed(world, for_s=0.1)
    await hears_the_callee(world)


@in_virtual_time
async def test_a_late_hush_that_failed_is_tried_again(world: World, monkeypatch: Patch) -> None:
    stuck = await begins_late(world, monkeypatch, sound="ringback", answer_in_s=8)
    await stuck.begins()
    real, failed = world.pbx.stop, list[str]()

    async def stop(*args: str) -> None:
        if args[1].endswith(".waiting0") and not failed:
            failed.append(args[1])
            raise PbxError(500, "busy")
        await real(*args)

    monkeypatch.setattr(world.pbx, "stop", stop)
    await hears_the_callee(world)
    assert failed


@in_virtual_time
async def test_what_is_known_to_be_hushed_is_asked_no_more(world: World, monkeypatch: Patch) -> None:
    """Each further gap would ask for every sound there ever was."""
    await begins_late(world, monkeypatch, sound="ringback", answer_in_s=0.5)
    await hears_the_callee(world)
    await asyncio.sleep(LOOK_AGAIN_S + 1)
    asked = list[Any]()

    async def stop(*args: str) -> None:
        asked.append(args)

    monkeypatch.setattr(world.pbx, "stop", stop)
    await link_lost(world, for_s=0.1)
    await asyncio.sleep(LOOK_AGAIN_S + 1)
    assert not asked
