"""Calls on a node that another process has: begun, found and ended there, whatever is lost and whoever is dead."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine.fleet import FIRST_WORD_WITHIN_S, Fleet
from tests.laws.stories import CALL, OTHER, in_virtual_time, is_talking, until, until_settled
from tests.laws.world import World
from tests.unit.nodes.afar import THERE, Afar


@in_virtual_time
async def test_a_call_for_another_process_s_node_is_begun_there(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    call = afar.a_call()
    assert await afar.fleet.begin(call, THERE) is call
    first = await afar.fleet.first_word(call)
    assert first.held_s > 0
    await until(world, lambda: is_talking(world), 5)
    await until(world, lambda: not afar.board.inner._nodes["n"].orders, 5)
    assert await afar.fleet.find(CALL) == afar.stored()
    assert (await world.calls.list(user=call.payer)).call_ids == (CALL,)


@in_virtual_time
async def test_a_call_without_minutes_has_ended_when_its_first_word_comes(world: World) -> None:
    afar = Afar(world)
    await afar.opened(minutes_s=0)
    await afar.owned()
    call = afar.a_call()
    await afar.fleet.begin(call, THERE)
    first = await afar.fleet.first_word(call)
    assert first.end is not None
    assert (first.end.reason, first.holds) == ("balance_empty", 0)


@in_virtual_time
async def test_an_order_whose_answer_is_lost_is_given_again_and_rings_no_phone_twice(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    afar.board.lost["order"] = 2
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    assert world.pbx.conflicts == 0
    assert set(world.pbx.rung.values()) == {1}


@pytest.mark.parametrize("trouble", ["the record", "the order"])
def test_who_was_told_that_it_failed_finds_his_call_when_he_asks_again(world: World, trouble: str) -> None:
    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await afar.opened()
        await afar.owned()
        (afar.calls.lost if trouble == "the record" else afar.board.away).update(create=1, order=3)
        call = afar.a_call()
        with pytest.raises(Unavailable):
            await afar.fleet.begin(call, THERE)
        await asyncio.sleep(2)
        assert afar.stored() == call, "nobody has told its owner yet"
        found = await afar.fleet.find(CALL)
        assert found == call
        assert (await afar.fleet.first_word(found)).held_s > 0
        await until(world, lambda: is_talking(world), 5)
        assert set(world.pbx.rung.values()) == {1}

    story(world)


@in_virtual_time
async def test_of_two_who_begin_one_call_at_two_processes_the_second_gets_the_first_s(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    other = Fleet([], afar.board, world.calls)
    one, two = await asyncio.gather(afar.fleet.begin(afar.a_call(), THERE), other.begin(afar.a_call(), THERE))
    assert isinstance(one, Call)
    assert isinstance(two, Call)
    assert one.id == two.id
    await until(world, lambda: is_talking(world), 5)
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_a_call_that_is_over_is_found_and_nobody_is_asked_to_tend_it(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    assert await afar.fleet.cancel_for_good(CALL)
    ended = await until_settled(world)
    assert await afar.orders_left() == []
    assert await afar.fleet.find(CALL) == ended
    assert await afar.orders_left() == []
    assert not await afar.fleet.cancel_for_good(CALL), "it is over"
    assert not await afar.fleet.cancel_for_good(OTHER), "there is none"
    assert await afar.fleet.find(OTHER) is None
    assert await afar.orders_left() == []


@in_virtual_time
async def test_a_call_of_another_process_is_cancelled_there_for_good(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    asked_s = world.loop.now_s
    assert await afar.fleet.cancel_for_good(CALL)
    assert world.loop.now_s - asked_s < 0.5
    assert afar.stored().cancelled_at_ms is not None
    ended = await until_settled(world)
    assert ended.end is not None
    assert (ended.end.reason, ended.end.by) == ("completed", "api")


@in_virtual_time
async def test_where_the_owner_is_dead_the_call_is_queued_its_end_is_not_available_and_both_come_with_the_next_one(
    world: World,
) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    await afar.died()
    asked_s = world.loop.now_s
    call = afar.a_call()
    await afar.fleet.begin(call, THERE)
    assert await afar.fleet.first_word(call) == call, "it is queued, and its minutes are not known"
    assert round(world.loop.now_s - asked_s) == FIRST_WORD_WITHIN_S
    with pytest.raises(Unavailable):
        await afar.fleet.cancel_for_good(CALL)
    assert await afar.orders_left() == [("begin", CALL), ("cancel", CALL)]

    await afar.owned()
    ended = await until_settled(world)
    assert ended.end is not None
    assert (ended.end.reason, ended.settled and ended.settled.charged_s) == ("cancelled", 0)
    await until(world, lambda: not afar.board.inner._nodes["n"].orders, 5)


@in_virtual_time
async def test_where_the_owner_is_slow_the_end_is_not_available_and_comes_all_the_same(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    afar.board.away["orders"] = 20  # it reads them again every half second: so for ten seconds
    with pytest.raises(Unavailable):
        await afar.fleet.cancel_for_good(CALL)
    assert is_talking(world)
    assert (await until_settled(world)).cancelled_at_ms is not None


@in_virtual_time
async def test_while_the_store_is_away_nobody_is_told_that_a_call_was_begun_or_is_over(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    afar.calls.away.update(create=1, load=2)
    with pytest.raises(Unavailable):
        await afar.fleet.begin(afar.a_call(), THERE)
    assert await world.calls.live("n") == []
    for ask in (afar.fleet.find, afar.fleet.cancel_for_good):
        with pytest.raises(Unavailable):
            await ask(CALL)
