"""Calls that nobody tends, whatever way they got lost on: when they are left alone, begun, ended, or looked for on the
PBX."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_app.domain.errors import Unavailable
from ari_app.domain.units import Increment
from ari_app.engine import records
from ari_app.engine.beginnings import DOUBTFUL_S, SWEEP_S
from ari_app.engine.sight import LOOK_AGAIN_S
from tests.laws.stories import CALL, app, in_virtual_time, is_talking, until, until_settled
from tests.laws.world import NO_MONTH, World
from tests.unit.nodes.afar import NODE, THERE, Afar


async def lost(afar: Afar) -> None:
    """The call is written down, and its order came to nobody."""
    afar.board.away["order"] = 3
    with pytest.raises(Unavailable):
        await afar.fleet.begin(afar.a_call(), THERE)


@in_virtual_time
async def test_a_young_call_for_which_nothing_was_asked_is_left_to_who_may_ask_again(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned(sweeps=True)
    await lost(afar)
    await asyncio.sleep(DOUBTFUL_S - 1)
    assert world.pbx.rung == {}
    assert not afar.stored().asked
    assert await afar.fleet.find(CALL) is not None, "he asks again"
    await until(world, lambda: is_talking(world), 5)


@in_virtual_time
async def test_one_that_nobody_asked_for_again_is_ended_and_rings_nobody(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned(sweeps=True)
    await lost(afar)
    ended = await until_settled(world, within_s=DOUBTFUL_S + 3 * SWEEP_S)
    assert ended.end is not None
    assert (ended.end.reason, ended.holds) == ("cancelled", 0)
    assert world.pbx.rung == {}
    await asyncio.sleep(5)
    assert await world.calls.live(NODE) == []


@pytest.mark.parametrize("late_s", [DOUBTFUL_S - 2, 3_600])
def test_a_call_that_waited_for_an_owner_is_begun_when_he_comes_soon_and_ended_when_he_comes_late(
    world: World, late_s: float
) -> None:
    """Nobody is rung an hour after he asked for it; and what was held for it by the owner who died comes back."""

    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await afar.opened()
        call = afar.a_call()
        await afar.fleet.begin(call, THERE)
        await world.ledger.hold(
            op=f"{CALL}:h0", payer=call.payer, call=CALL, want_s=60, increment=Increment.parse("1/1"), month=NO_MONTH,
            max_live_calls=9, now_ms=world.loop.now_ms(),
        )  # fmt: skip
        await asyncio.sleep(late_s)
        await afar.owned()
        if late_s < DOUBTFUL_S:
            await until(world, lambda: is_talking(world), 5)
            assert await afar.fleet.cancel_for_good(CALL)
        ended = await until_settled(world, within_s=5)
        assert ended.end is not None
        assert (ended.end.reason == "cancelled", len(world.pbx.rung)) == (
            (False, 2) if late_s < DOUBTFUL_S else (True, 0)
        )
        assert not world.account().holds

    story(world)


@in_virtual_time
async def test_an_order_that_comes_much_too_late_ends_the_call(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    await lost(afar)
    await asyncio.sleep(DOUBTFUL_S + 1)
    await afar.board.order(NODE, "begin", CALL)
    ended = await until_settled(world, within_s=5)
    assert ended.end is not None
    assert ended.end.reason == "cancelled"
    assert world.pbx.rung == {}


async def taken_up_late(afar: Afar, *, phones_live: bool) -> None:
    """Two talk for half a minute; then a new owner comes, and neither the store nor the PBX shows him anything of it
    until he has looked at both."""
    world = afar.world
    await afar.opened()
    await afar.owned()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    await asyncio.sleep(30)
    await afar.died()
    world.calls._live[NODE].discard(CALL)
    if not phones_live:
        for channel in list(world.pbx.channels):
            world.pbx._end(channel, 16, None, True)
    there = world.pbx.channels, world.pbx.bridges
    world.pbx.channels, world.pbx.bridges = {}, {}
    await afar.owned(sweeps=True)
    await asyncio.sleep(LOOK_AGAIN_S + 1)
    world.pbx.channels, world.pbx.bridges = there
    world.calls._live[NODE].add(CALL)


@in_virtual_time
async def test_a_talk_that_nobody_tends_is_looked_for_on_the_pbx_and_goes_on(world: World) -> None:
    afar = Afar(world)
    await taken_up_late(afar, phones_live=True)
    await asyncio.sleep(3 * SWEEP_S)
    assert is_talking(world)
    assert app(world).tends(CALL)
    assert await afar.fleet.cancel_for_good(CALL)
    ended = await until_settled(world, within_s=60)
    assert ended.settled is not None
    assert ended.settled.used_s > 30 + 2 * SWEEP_S
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_one_whose_phones_are_gone_is_charged_to_their_end_and_nobody_is_rung_again(world: World) -> None:
    afar = Afar(world)
    await taken_up_late(afar, phones_live=False)
    ended = await until_settled(world, within_s=3 * SWEEP_S)
    assert ended.settled is not None
    assert 29 <= ended.settled.used_s <= 31
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_a_place_in_the_list_without_a_call_is_cleared_away_by_the_next_owner(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    world.calls._live[NODE] = {CALL}
    await afar.owned(sweeps=True)
    assert await world.calls.live(NODE) == []


@in_virtual_time
async def test_a_record_that_this_version_cannot_read_is_left_alone(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned(sweeps=True)
    record = records.encode(replace(afar.a_call(), v=records.VERSION + 1))
    await world.calls.create(CALL, record, node=NODE, user_ids=(), created_at_ms=world.loop.now_ms(), events=[])
    await asyncio.sleep(2 * DOUBTFUL_S)
    assert (await world.calls.load(CALL)).record == record  # type: ignore[union-attr]
    assert await world.calls.live(NODE) == [CALL]


@in_virtual_time
async def test_a_sweep_outlives_a_store_that_is_away(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned(sweeps=True)
    await lost(afar)
    world.away_until_s = world.loop.now_s + 2 * DOUBTFUL_S
    ended = await until_settled(world, within_s=2 * DOUBTFUL_S + 4 * SWEEP_S)
    assert ended.end is not None
    assert ended.end.reason == "cancelled"
