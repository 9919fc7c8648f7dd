"""A ringback or music that was asked for over a lost link, and begins when the new link's first look is over: nobody
knows of it, and it would go on over the talk to its end. And one whose end is told late, when it has begun anew."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain import events as ev
from ari_app.domain import step as core
from ari_app.domain.wishes import Play, Stop
from ari_app.engine.perform import Performer
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


# ---- an end that is told late ---------------------------------------------------------------------------------------


def takes_an_old_sounds_end_for_the_new_ones(patch: Patch) -> None:
    """As if a sound that is begun anew after a gap had the name of the one that was hushed."""
    real = Performer.perform

    async def perform(self: Performer, call: Any, wish: Any) -> Any:
        if isinstance(wish, Play | Stop) and wish.name.startswith("waiting"):
            wish = replace(wish, name=wish.name.partition("r")[0])
        return await real(self, call, wish)

    real_observe = core.observe

    def observe(call: Any, event: Any) -> Any:
        call = real_observe(call, event)
        if isinstance(event, ev.Played) and event.name.startswith("waiting"):
            also = {k.removeprefix("play:") for k in call.asked if k.startswith(f"play:{event.name}r")}
            call = replace(call, played=call.played | also)
        return call

    patch.setattr(Performer, "perform", perform)
    patch.setattr(core, "observe", observe)


async def the_old_end_is_told_late(world: World, patch: Patch) -> None:
    """Of the sound that recovery hushed, when the new one goes on."""
    let_phones_be(world, callee=phones.slow(in_s=8))
    real = world.pbx._tell

    def tell(channel: str, event: ev.Event) -> None:
        if isinstance(event, ev.Played) and event.name == "waiting0":
            world.loop.call_later(0.3, real, channel, event)
        else:
            real(channel, event)

    patch.setattr(world.pbx, "_tell", tell)
    await begin(world, waiting="ringback", prompt=False)
    await until(world, lambda: world.pbx.endless(CALLER_0), within_s=5)
    await link_lost(world, for_s=0.1)
    await asyncio.sleep(LOOK_AGAIN_S + 1)
    assert world.pbx.endless(CALLER_0), "what is wanted still goes on"
    await until(world, lambda: is_talking(world), within_s=30)
    await until(world, lambda: not world.pbx.endless(CALLER_0), within_s=0.5)


@in_virtual_time
async def test_an_old_sounds_late_end_is_not_that_of_the_new_one(world: World, monkeypatch: Patch) -> None:
    await the_old_end_is_told_late(world, monkeypatch)


@pytest.mark.parametrize("has_a_second_look", [True, False])
@in_virtual_time
async def test_an_old_sounds_end_that_is_taken_for_the_new_ones_is_noticed(
    world: World, monkeypatch: Patch, *, has_a_second_look: bool
) -> None:
    """By the caller, who hears nothing while he waits; or, had the second look not hushed it, by both in their talk."""
    takes_an_old_sounds_end_for_the_new_ones(monkeypatch)
    if not has_a_second_look:
        monkeypatch.setattr("ari_app.engine.inquiry.may_have_begun", lambda _call: [])
    why = "still goes on" if has_a_second_look else "not within"
    with pytest.raises(AssertionError, match=why):
        await the_old_end_is_told_late(world, monkeypatch)
