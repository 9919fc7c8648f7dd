"""Metrics on which an operator is woken move for the right reason, and only then: each in a story of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.errors import Unavailable
from ari_app.engine.inquiry import Inquiry
from ari_app.metrics import Metrics
from ari_app.ports.telephony import ChannelNow, PbxError, Snapshot, TimedOut, Trace
from tests.laws import phones
from tests.laws.pbx import Chan
from tests.laws.stories import (
    CALL,
    CALLEE_0,
    OTHER,
    app,
    calm_world,
    in_virtual_time,
    is_talking,
    let_phones_be,
    link_lost,
    no_record,
    open_doors,
    start,
    until,
    until_settled,
)  # fmt: skip
from tests.laws.world import World

Patch = pytest.MonkeyPatch
HELD_S = 60


@pytest.fixture
def world() -> World:
    return calm_world()


class Counted:
    """The metrics of the world's app, as they are scraped."""

    def __init__(self, world: World) -> None:
        self._world, self._metrics = world, Metrics()
        app(world)._watch = self._metrics.watch()
        app(world).performer._settled_again = self._metrics.settled_again.inc

    def __call__(self, name: str, **labels: str) -> float:
        self._metrics.exposed([app(self._world).exposure()])
        value = self._metrics.registry.get_sample_value(name, labels)
        assert value is not None, name
        return value


async def counted(world: World) -> Counted:
    await open_doors(world, 3_600)
    return Counted(world)


async def talks(world: World, **terms: Any) -> None:
    await start(world, slice_s=HELD_S, warning_s=5, margin_s=5, **terms)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(1)


@in_virtual_time
async def test_what_live_calls_hold_is_counted_and_at_risk_only_while_the_pbx_has_no_timer_for_it(
    world: World, monkeypatch: Patch
) -> None:
    count = await counted(world)
    assert count("ringbridge_held_seconds") == 0
    real = world.pbx.cut_off
    is_deaf = True

    async def cut_off(channel: str, in_ms: int) -> None:
        if is_deaf and channel == CALLEE_0:
            raise PbxError(500, "not now")
        await real(channel, in_ms)

    monkeypatch.setattr(world.pbx, "cut_off", cut_off)
    await talks(world)
    assert count("ringbridge_held_seconds") == HELD_S
    assert count("ringbridge_at_risk_seconds") == HELD_S, "the callee's timer is the one that he was born with"
    is_deaf = False
    await until(world, lambda: count("ringbridge_at_risk_seconds") == 0, within_s=10)
    assert count("ringbridge_held_seconds") == HELD_S
    app(world).cancel(CALL)
    await until_settled(world)
    await until(world, lambda: count("ringbridge_held_seconds") == 0, within_s=5)


@in_virtual_time
async def test_a_further_hold_of_which_the_pbx_was_not_told_is_at_risk(world: World, monkeypatch: Patch) -> None:
    count = await counted(world)
    await talks(world)
    assert count("ringbridge_at_risk_seconds") == 0
    world.pbx.cut_link()
    await asyncio.sleep(1)
    assert count("ringbridge_at_risk_seconds") == 0, "the PBX cuts it off at what is held, link or no link"
    world.pbx.reconnect()

    async def cut_off(_channel: str, _in_ms: int) -> None:
        raise PbxError(500, "not now")

    monkeypatch.setattr(world.pbx, "cut_off", cut_off)
    await until(world, lambda: count("ringbridge_held_seconds") > HELD_S, within_s=HELD_S)
    await asyncio.sleep(0.1)
    assert count("ringbridge_at_risk_seconds") == count("ringbridge_held_seconds")


@in_virtual_time
async def test_nothing_is_at_risk_while_the_callee_rings(world: World) -> None:
    """The timers with which both channels were born hold."""
    count = await counted(world)
    let_phones_be(world, callee=phones.slow(10))
    box = await start(world, slice_s=HELD_S, warning_s=5, margin_s=5)
    await until(world, lambda: box.call.leg("callee").is_live, within_s=5)
    assert box.call.leg("caller").is_up
    assert count("ringbridge_held_seconds") == HELD_S
    assert count("ringbridge_at_risk_seconds") == 0


@in_virtual_time
async def test_a_store_that_is_away_leaves_calls_unsaved_for_longer_and_longer(world: World) -> None:
    count = await counted(world)
    await talks(world)
    assert (count("ringbridge_calls_unsaved"), count("ringbridge_unsaved_seconds")) == (0, 0)
    assert count("ringbridge_settlements_retried_total") == 0
    world.away_until_s = world.loop.now_s + 30
    app(world).cancel(CALL)
    await asyncio.sleep(20)
    assert count("ringbridge_calls_unsaved") == 1
    assert 15 < count("ringbridge_unsaved_seconds") <= 20
    await until_settled(world)
    await until(world, lambda: count("ringbridge_calls_unsaved") == 0, within_s=10)
    assert count("ringbridge_unsaved_seconds") == 0
    assert count("ringbridge_overrun_seconds_total") == 0


@in_virtual_time
async def test_a_settlement_that_the_ledger_does_not_take_is_counted_each_time_it_is_asked_for_again(
    world: World, monkeypatch: Patch
) -> None:
    count = await counted(world)
    await talks(world)
    real, left = world.ledger.settle, [3]

    async def settle(**asked: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise Unavailable("away")
        return await real(**asked)

    monkeypatch.setattr(world.ledger, "settle", settle)
    app(world).cancel(CALL)
    await until_settled(world)
    assert count("ringbridge_settlements_retried_total") == 3


@in_virtual_time
async def test_a_leg_whose_end_nobody_can_tell_is_counted_and_one_whose_end_is_known_is_not(world: World) -> None:
    count = await counted(world)
    await talks(world)
    app(world).cancel(CALL)
    await until_settled(world)
    assert count("ringbridge_legs_unknown_total") == 0

    no_record(world)
    await start(world, OTHER)
    await until(world, lambda: is_talking(world, OTHER), within_s=5)
    world.pbx.cut_link()
    world.pbx._end(CALLEE_0.replace(CALL, OTHER), 16, None, True)
    await asyncio.sleep(2)
    world.pbx.reconnect()
    await until_settled(world, OTHER)
    assert count("ringbridge_legs_unknown_total") == 1
    assert count("ringbridge_calls_total", type="callback", reason="interrupted") == 1


@in_virtual_time
async def test_a_channel_that_no_call_wants_is_counted_when_it_is_hung_up(world: World) -> None:
    count = await counted(world)
    stray = f"{OTHER}.callee.0"
    world.pbx.channels[stray] = Chan(stray, world.loop.now_ms(), state="up")
    world.pbx.traces_kept[stray] = Trace(started_at_ms=world.loop.now_ms())
    await link_lost(world, 1)
    await until(world, lambda: stray not in world.pbx.channels, within_s=5)
    await until(world, lambda: count("ringbridge_strangers_total") == 1, within_s=5)
    assert count("ringbridge_pbx_links_total") == 1


class Mute:
    """Answers no question about a channel."""

    async def record(self, _channels: object, _from_ms: int) -> None:
        return None

    async def answered_at(self, _channel: str) -> int | None:
        raise TimedOut("no answer")


@in_virtual_time
async def test_a_channel_of_which_the_pbx_answers_nothing_is_counted_once(world: World) -> None:
    await counted(world)
    metrics = Metrics()
    box = await start(world)
    await until(world, lambda: is_talking(world), within_s=5)
    not_seen_to_answer = box.call.with_leg(replace(box.call.leg("callee"), tries=()))
    inquiry = Inquiry(Mute(), metrics.watch().unanswered)  # type: ignore[arg-type]
    now_ms = world.loop.now_ms()
    snapshot = Snapshot(at_ms=now_ms, channels={CALLEE_0: ChannelNow(CALLEE_0, "up", now_ms)}, bridges={})
    with pytest.raises(TimedOut):
        await inquiry.ask(lambda: [not_seen_to_answer], snapshot)
    await inquiry.ask(lambda: [not_seen_to_answer], snapshot)
    assert metrics.registry.get_sample_value("ringbridge_channels_unanswered_total") == 1
