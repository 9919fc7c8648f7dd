"""What is written a moment later, or known a moment too late: the PBX's record, the death of its machine, a cancel."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain import events as ev
from ari_app.domain.errors import Unavailable
from tests.laws import checks, phones
from tests.laws.pbx import Chan, LawPbx
from tests.laws.stories import (
    CALL,
    CALLEE_0,
    CALLER_0,
    app,
    app_killed,
    at,
    begin,
    calm_world,
    in_virtual_time,
    is_talking,
    let_phones_be,
    stored,
    until,
    until_settled,
    verdict,
)  # fmt: skip
from tests.laws.world import World

Patch = pytest.MonkeyPatch


@pytest.fixture
def world() -> World:
    return calm_world()


async def talk_of(world: World, seconds: float) -> int:
    """When it began, in ms; so many seconds ago."""
    await until(world, lambda: is_talking(world), within_s=5)
    began_ms = stored(world).leg("callee").answered_at_ms
    assert began_ms is not None
    await at(world, began_ms + int(1000 * seconds))
    return began_ms


# ---- the PBX ----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_record_that_is_written_late_proves_no_dial_unsent(world: World) -> None:
    """The phone says busy while the app is dead; the rows of it are written two seconds later."""
    world.pbx._weather = replace(world.pbx._weather, cel_late_ms=2_000)
    let_phones_be(world, caller=phones.busy)
    await begin(world, routes=1)
    await until(world, lambda: CALLER_0 in world.pbx.rung, within_s=5, every_s=0.0005)
    await app_killed(world, for_s=0.3)
    assert verdict(await until_settled(world))[0] == "caller_busy"
    assert world.pbx.rung == {CALLER_0: 1}


@in_virtual_time
async def test_an_end_that_is_written_late_is_the_end_of_the_talk(world: World) -> None:
    world.pbx._weather = replace(world.pbx._weather, cel_late_ms=2_000)
    await begin(world)
    await talk_of(world, 10)
    await world.crash()
    await asyncio.sleep(20)
    world.pbx._end(f"{CALL}.callee.0", 16, None, True)
    await asyncio.sleep(0.3)
    await world.boot()
    assert verdict(await until_settled(world)) == ("completed", "callee", 30)


@in_virtual_time
async def test_nobody_pays_for_the_time_in_which_a_dead_pbx_was_not_known_to_be_dead(world: World) -> None:
    """Its machine loses its power 50 s into the talk; the link is silent, and given up 13 s later."""
    await begin(world)
    await talk_of(world, 50)
    world.pbx.silent_since_ms = world.loop.now_ms()
    for chan in world.pbx.channels.values():
        assert chan.cut
        chan.cut.cancel()
    world.pbx.channels.clear()
    world.pbx.bridges.clear()
    await asyncio.sleep(13)
    world.pbx.cut_link()
    await asyncio.sleep(5)
    world.pbx.silent_since_ms = None
    world.pbx.reconnect()
    why, by, charged_s = verdict(await until_settled(world))
    assert (why, by) == ("interrupted", "system")
    assert 48 <= charged_s <= 50


# ---- a cancel ---------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_cancel_that_was_answered_outlives_the_app(world: World) -> None:
    await begin(world)
    await talk_of(world, 20)
    assert await app(world).cancel_for_good(CALL)
    await app_killed(world, for_s=1)
    assert verdict(await until_settled(world, within_s=60)) in [("completed", "api", s) for s in (20, 21)]


@in_virtual_time
async def test_a_cancel_that_cannot_be_saved_is_not_said_to_be_done_and_keeps_nobody_talking(
    world: World, monkeypatch: Patch
) -> None:
    """The store hangs. The phones are hung up soon: the wait for the store would be charged."""
    await begin(world)
    began_ms = await talk_of(world, 20)

    async def hangs(*_args: Any) -> Any:
        await asyncio.sleep(30)
        raise Unavailable("no answer")

    monkeypatch.setattr(app(world).calls, "save", hangs, raising=False)
    with pytest.raises(Unavailable):
        await app(world).cancel_for_good(CALL)
    assert not world.pbx.channels
    ended_ms = world.pbx.traces_kept[f"{CALL}.callee.0"].ended_at_ms
    assert ended_ms is not None
    assert ended_ms - began_ms < 20_500
    monkeypatch.undo()
    assert verdict(await until_settled(world, within_s=120)) == ("completed", "api", 20)


@in_virtual_time
async def test_a_cancel_is_saved_before_the_hang_up_though_the_store_had_lost_a_second(
    world: World, monkeypatch: Patch
) -> None:
    await begin(world)
    await until(world, lambda: stored(world).leg("callee").tries != (), within_s=5, every_s=0.001)
    older = world.calls._calls[CALL]
    await talk_of(world, 20)
    assert world.calls._calls[CALL].version > older.version
    world.calls._calls[CALL] = older
    hang_up, saved = world.pbx.hang_up, list[bool]()

    async def hanging_up(channel: str) -> None:
        saved.append(stored(world).cancelled_at_ms is not None)
        await hang_up(channel)

    monkeypatch.setattr(world.pbx, "hang_up", hanging_up)
    app(world).cancel(CALL)
    assert verdict(await until_settled(world, within_s=60)) == ("completed", "api", 20)
    assert len(saved) >= 2
    assert all(saved)


@in_virtual_time
async def test_a_cancel_is_saved_before_the_hang_up_behind_a_save_whose_answer_was_lost(
    world: World, monkeypatch: Patch
) -> None:
    box = await begin(world)
    await talk_of(world, 20)
    save, hang_up = app(world).calls.save, world.pbx.hang_up
    asked: list[int] = []

    async def losing_the_first(*args: Any) -> Any:
        asked.append(1)
        answer = await save(*args)
        if len(asked) == 1:
            raise Unavailable("the answer was lost")
        return answer

    saved: list[bool] = []

    async def hanging_up(channel: str) -> None:
        saved.append(stored(world).cancelled_at_ms is not None)
        await hang_up(channel)

    monkeypatch.setattr(app(world).calls, "save", losing_the_first, raising=False)
    monkeypatch.setattr(world.pbx, "hang_up", hanging_up)
    box._save_now()
    await until(world, lambda: bool(asked), within_s=1, every_s=0.001)
    app(world).cancel(CALL)
    await until_settled(world, within_s=60)
    assert len(saved) >= 2
    assert all(saved)


# ---- a verdict --------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_callee_s_word_outlives_an_app_that_died_as_it_hung_up_the_caller(
    world: World, monkeypatch: Patch
) -> None:
    """The callee's network has said why by itself: no announcement, and the caller is hung up in the same moment."""

    async def says_why_and_ends(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
        pbx._tell(chan.id, ev.EarlyMedia("callee", 0, pbx._loop.now_ms()))
        await asyncio.sleep(4)
        pbx._end(chan.id, 17, 486, True)

    let_phones_be(world, callee=says_why_and_ends)
    await begin(world, routes=1, early_media="all")
    hang_up, hung_up = world.pbx.hang_up, asyncio.Event()

    async def the_last_thing(channel: str) -> None:
        await hang_up(channel)
        hung_up.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.pbx, "hang_up", the_last_thing)
    await hung_up.wait()
    monkeypatch.undo()
    await app_killed(world, for_s=1)
    assert verdict(await until_settled(world)) == ("callee_busy", "callee", 0)


@in_virtual_time
async def test_why_a_caller_was_hung_up_is_known_though_nobody_had_written_it_down(
    world: World, monkeypatch: Patch
) -> None:
    """He did not press the key in time; the app hangs him up, and dies in that moment."""
    await begin(world, confirm_caller=True, confirm_timeout_ms=15_000)
    hang_up, hung_up = world.pbx.hang_up, asyncio.Event()

    async def the_last_thing(channel: str) -> None:
        await hang_up(channel)
        hung_up.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.pbx, "hang_up", the_last_thing)
    await hung_up.wait()
    monkeypatch.undo()
    await app_killed(world, for_s=1)
    assert verdict(await until_settled(world)) == ("caller_not_confirmed", "system", 0)


@in_virtual_time
async def test_who_answers_when_the_caller_is_gone_does_not_make_him_one_who_gave_up(world: World) -> None:
    """The app is dead. The caller's timer in the PBX strikes while the callee's phone rings; then the callee answers,
    hears nobody, and hangs up."""

    async def answers_and_hangs_up(pbx: LawPbx, chan: Chan, ring_ms: int) -> None:
        await phones.slow(in_s=20)(pbx, chan, ring_ms)
        await asyncio.sleep(2)
        pbx._end(chan.id, 16, None, True)

    let_phones_be(world, callee=answers_and_hangs_up)
    await begin(world, routes=1, ring_ms=60_000)
    await until(world, lambda: CALLEE_0 in world.pbx.channels, within_s=5)
    await asyncio.sleep(1)
    await world.crash()
    await asyncio.sleep(5)
    world.pbx._end(CALLER_0, 16, None, False)
    await asyncio.sleep(30)
    await world.boot()
    assert verdict(await until_settled(world)) == ("interrupted", "system", 0)
    world.must_hold(checks.why_a_wrong_end(world, stored(world)))
