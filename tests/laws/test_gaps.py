"""What a gap hides (a lost link, an app that was killed): each story was told wrongly once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ari_app.domain.step import HANGUP_FAILURES_MAX
from ari_app.engine import recover
from ari_app.ports.telephony import PbxError, TimedOut, Trace
from tests.laws import phones
from tests.laws.pbx import Chan
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
    link_lost,
    no_record,
    open_doors,
    start,
    stored,
    until,
    until_settled,
    verdict,
)  # fmt: skip
from tests.laws.test_old_sights import SlowSaves
from tests.laws.world import World

Patch = pytest.MonkeyPatch


@pytest.fixture
def world() -> World:
    return calm_world()


@pytest.mark.parametrize("gap", [link_lost, app_killed], ids=lambda g: g.__name__)
@in_virtual_time
async def test_a_183_missed_in_a_gap_is_no_dead_trunk(world: World, gap: Any) -> None:
    """The callee's phone rings all the while: it must not be hung up and rung again over the next trunk."""
    let_phones_be(world, callee=phones.early_media)
    await begin(world, routes=2, ring_ms=60_000, pdd_timeout_ms=10_000)
    await until(world, lambda: CALLEE_0 in world.pbx.channels, within_s=5)
    await asyncio.sleep(1)
    await gap(world, for_s=12)
    await until(world, lambda: is_talking(world), within_s=60)
    assert [channel for _, channel in world.pbx.phones_rung_ms] == [CALLER_0, CALLEE_0]


@in_virtual_time
async def test_a_phone_that_only_rang_rejected_nothing(world: World) -> None:
    """The app was away until the PBX's own timer took the channel down."""
    let_phones_be(world, callee=phones.rings_for_ever)
    await begin(world, minutes_s=50, routes=1, ring_ms=60_000)
    await asyncio.sleep(5)
    await app_killed(world, for_s=70)
    assert verdict(await until_settled(world)) == ("callee_no_answer", "system", 0)


@in_virtual_time
async def test_a_phone_that_the_pbx_cut_before_its_time_rejected_nothing(world: World) -> None:
    """The same with the app there all the time: the PBX (its operator, say) takes a ringing channel down."""
    let_phones_be(world, callee=phones.rings_for_ever)
    await begin(world, routes=1, ring_ms=60_000)
    await asyncio.sleep(5)
    world.pbx._end(CALLEE_0, 16, None, False)
    assert verdict(await until_settled(world)) == ("interrupted", "system", 0)


@in_virtual_time
async def test_a_gap_that_cannot_be_worked_out_is_charged_to_when_its_call_was_last_seen(world: World) -> None:
    """A fault of ours in one call: its phones are gone, and it must not go on for ever as if they were not."""
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(30)
    world.pbx.cut_link()
    await asyncio.sleep(20)
    for channel in (CALLER_0, CALLEE_0):
        world.pbx._end(channel, 16, None, True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recover, "facts", stumbles)
        world.pbx.reconnect()
        await until(world, lambda: app(world).sees_pbx, within_s=20)
    reason, by, charged_s = verdict(await until_settled(world, within_s=60))
    assert (reason, by) == ("interrupted", "system")
    assert 28 <= charged_s <= 31


def stumbles(*_: Any) -> Any:
    raise ZeroDivisionError


@in_virtual_time
async def test_a_talk_that_the_pbx_cut_is_settled_whatever_the_margins(world: World) -> None:
    """No further minutes are due at the cut where nobody is warned and the margin is small."""
    await begin(world, warning_s=0, margin_s=1)
    await until(world, lambda: is_talking(world), within_s=5)
    began_ms = stored(world).leg("callee").answered_at_ms or 0
    await asyncio.sleep(30)
    await world.crash()
    await at(world, began_ms + 59_700)
    world.pbx._end(CALLEE_0, 16, None, False)
    await world.boot()
    assert verdict(await until_settled(world, within_s=60)) == ("interrupted", "system", 59)
    assert not world.account().holds


@in_virtual_time
async def test_a_timer_that_the_pbx_has_is_never_shortened_by_recovery(world: World) -> None:
    """Killed after a renewal had reached the PBX and before it was saved; back after the end of the first slice."""
    box = await begin(world, warning_s=10, margin_s=5)
    await until(world, lambda: is_talking(world), within_s=5)
    await until(world, lambda: first_cut_s(world) > 100, within_s=60, every_s=0.001)
    assert (box.call.held_s, stored(world).held_s) == (120, 60)
    await app_killed(world, for_s=25)
    before_s = first_cut_s(world)
    for _ in range(2_000):
        await asyncio.sleep(0.1)
        assert is_talking(world)
        assert first_cut_s(world) > before_s - 0.01  # what a request is on its way


def first_cut_s(world: World) -> float:
    """When the PBX takes the first of its channels down, by the loop's clock."""
    return min(chan.cut.when() for chan in world.pbx.channels.values() if chan.cut is not None)


# ---- a PBX that answers badly ---------------------------------------------------------------------------------------


def never_answering(world: World, links: list[float]) -> Any:
    """A question that hangs until the client drops the link for it, and makes a new one."""

    async def ask(*_args: Any) -> Any:
        await asyncio.sleep(5)
        links.append(world.loop.now_s)
        world.pbx._spawn(link_lost(world, for_s=0.3))
        await asyncio.sleep(0.01)
        raise TimedOut("no reply in time")

    return ask


@in_virtual_time
async def test_a_channel_that_never_answers_does_not_take_the_sight_of_all(world: World, monkeypatch: Patch) -> None:
    """The callee answers in a gap; when, the record cannot tell, and the channel itself does not say."""
    let_phones_be(world, callee=phones.slow(in_s=4))
    await begin(world, ring_ms=60_000)
    await until(world, lambda: CALLEE_0 in world.pbx.channels, within_s=5)
    links: list[float] = []
    monkeypatch.setattr(world.pbx, "answered_at", never_answering(world, links))
    no_record(world)
    await link_lost(world, for_s=10)
    await until(world, lambda: app(world).sees_pbx, within_s=20)
    await asyncio.sleep(600)
    assert app(world).sees_pbx
    assert is_talking(world)
    assert len(links) == 1


@in_virtual_time
async def test_a_channel_that_cannot_be_hung_up_is_left_to_the_pbxs_own_timer(world: World, monkeypatch: Patch) -> None:
    await begin(world, slice_s=600)
    await until(world, lambda: is_talking(world), within_s=5)
    links: list[float] = []
    monkeypatch.setattr(world.pbx, "hang_up", never_answering(world, links))
    app(world).cancel(CALLEE_0.partition(".")[0])
    call = await until_settled(world, within_s=600)
    assert verdict(call)[:2] == ("completed", "api")
    world.check_charge(call)  # they could talk till then
    await until(world, lambda: app(world).sees_pbx, within_s=20)
    assert 0 < len(links) <= 2 * HANGUP_FAILURES_MAX


@in_virtual_time
async def test_the_second_look_is_tried_again(world: World, monkeypatch: Patch) -> None:
    """A dial that was asked for over the lost link is carried out late; the PBX is too busy for the first looks."""
    await begin(world)
    real, left = world.pbx.look, [2]

    async def look() -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise PbxError(500, "busy")
        return await real()

    monkeypatch.setattr(world.pbx, "look", look)
    await link_lost(world, for_s=0.1)
    await until(world, lambda: app(world).sees_pbx, within_s=5)
    stranger = Chan("c" + "9" * 26 + ".caller.0", world.loop.now_ms())
    world.pbx.channels[stranger.id] = stranger
    world.pbx.traces_kept[stranger.id] = Trace(stranger.born_ms)
    await until(world, lambda: stranger.id not in world.pbx.channels, within_s=20)


@in_virtual_time
async def test_a_hush_that_failed_is_tried_again(world: World, monkeypatch: Patch) -> None:
    """Else the ringback of before the gap goes on over the talk."""
    let_phones_be(world, callee=phones.slow(in_s=8))
    await begin(world)
    await until(world, lambda: world.pbx.endless(CALLER_0), within_s=5)
    real, asked = world.pbx.stop, []

    async def stop(*args: str) -> None:
        asked.append(args)
        if len(asked) == 1:
            raise PbxError(500, "busy")
        await real(*args)

    monkeypatch.setattr(world.pbx, "stop", stop)
    await link_lost(world, for_s=0.2)
    await until(world, lambda: is_talking(world), within_s=30)
    await until(world, lambda: not world.pbx.endless(CALLER_0), within_s=5)
    assert len(asked) > 1


@in_virtual_time
async def test_a_late_end_is_charged_to_the_true_end(world: World, monkeypatch: Patch) -> None:
    """The callee hung up after 55 s; the PBX is behind with its events, and the API hangs up meanwhile."""
    await begin(world, increment="60/60", slice_s=120)
    await until(world, lambda: is_talking(world), within_s=5)
    began_ms = stored(world).leg("callee").answered_at_ms or 0
    real = world.pbx._tell

    def late(*args: Any) -> None:
        world.loop.call_later(10, real, *args)

    monkeypatch.setattr(world.pbx, "_tell", late)
    await at(world, began_ms + 55_000)
    world.pbx._end(CALLEE_0, 16, None, True)
    await asyncio.sleep(6.5)
    app(world).cancel(stored(world).id)
    call = await until_settled(world)
    assert call.settled is not None
    assert (call.settled.used_s, call.settled.charged_s) == (55, 60)


@in_virtual_time
async def test_who_was_never_joined_is_not_charged(world: World, monkeypatch: Patch) -> None:
    real = world.pbx.join

    async def join(bridge: str, channel: str) -> None:
        if channel == CALLEE_0:
            raise PbxError(500, "no")
        await real(bridge, channel)

    monkeypatch.setattr(world.pbx, "join", join)
    await begin(world, early_media="none", increment="60/60")
    assert verdict(await until_settled(world)) == ("interrupted", "system", 0)
    assert not world.pbx.joined


@in_virtual_time
async def test_a_dial_that_was_held_back_once_and_went_out_later_counts_as_sent(world: World) -> None:
    """At a later gap, without a readable record, nobody may say that it was never sent."""
    let_phones_be(world, caller=phones.busy)
    engine = await open_doors(world, minutes_s=3_600)
    slow = engine.calls = SlowSaves(world.calls)
    await start(world)
    await slow.is_hanging.wait()
    await link_lost(world, for_s=0.1)
    await asyncio.sleep(1)
    slow.let_go.set()
    await until(world, lambda: CALLER_0 in world.pbx.rung, within_s=5, every_s=0.0005)
    world.pbx.cut_link()  # the answer to the dial is lost
    no_record(world)
    await asyncio.sleep(5)
    world.pbx.reconnect()
    await until_settled(world)
    assert world.pbx.rung == {CALLER_0: 1}


@in_virtual_time
async def test_who_ended_a_talk_is_known_though_the_app_died_as_it_hung_up(world: World, monkeypatch: Patch) -> None:
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(20)
    hung_up = asyncio.Event()
    real = world.pbx.hang_up

    async def hang_up(channel: str) -> None:
        await real(channel)
        hung_up.set()
        await asyncio.Event().wait()

    save = world.calls.save

    async def slow_save(*args: Any) -> Any:
        await asyncio.sleep(0.05)
        return await save(*args)

    monkeypatch.setattr(world.pbx, "hang_up", hang_up)
    monkeypatch.setattr(world.calls, "save", slow_save)
    app(world).cancel(CALL)
    await hung_up.wait()
    monkeypatch.undo()
    await app_killed(world, for_s=1)
    assert verdict(await until_settled(world))[:2] == ("completed", "api")
