"""Orders of other processes at a node's owner: carried out until they are, once or often, and taken off the list by
nobody but the owner."""

from __future__ import annotations

import asyncio

from tests.laws.stories import CALL, OTHER, in_virtual_time, is_talking, until, until_settled
from tests.laws.world import World
from tests.unit.nodes.afar import NODE, THERE, Afar


@in_virtual_time
async def test_orders_that_were_given_while_nobody_owned_the_node_are_carried_out_by_the_next_owner(
    world: World,
) -> None:
    afar = Afar(world)
    await afar.opened()
    for call_id in (CALL, OTHER):
        await afar.fleet.begin(afar.a_call(call_id), THERE)
    await afar.owned()
    await until(world, lambda: is_talking(world, CALL) and is_talking(world, OTHER), 5)
    await asyncio.sleep(0.2)
    assert await afar.orders_left() == []


@in_virtual_time
async def test_an_order_is_taken_off_only_when_it_is_carried_out_however_often_the_store_is_away(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    world.away_until_s = world.loop.now_s + 3
    await afar.fleet.begin(afar.a_call(), THERE)
    await asyncio.sleep(2.9)
    assert await afar.orders_left() == [("begin", CALL)]
    await until(world, lambda: is_talking(world), 5)
    assert await afar.orders_left() == []


@in_virtual_time
async def test_an_order_whose_taking_off_fails_is_carried_out_again_and_nothing_happens_twice(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    afar.board.away["done"] = 3
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    await asyncio.sleep(2)
    assert await afar.orders_left() == []
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_an_order_that_comes_often_or_for_nothing_does_no_harm(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    for what, call_id in (("begin", OTHER), ("cancel", OTHER), ("begin", CALL)):
        await afar.board.order(NODE, what, call_id)  # of which there is no call (yet)
    await asyncio.sleep(0.2)
    assert await afar.orders_left() == []
    await afar.fleet.begin(afar.a_call(), THERE)
    for _ in range(3):
        await afar.board.order(NODE, "begin", CALL)
    await until(world, lambda: is_talking(world), 5)
    await asyncio.sleep(0.2)
    assert set(world.pbx.rung.values()) == {1}
    assert await afar.fleet.cancel_for_good(CALL)
    ended = await until_settled(world)
    for what in ("begin", "cancel"):
        await afar.board.order(NODE, what, CALL)
    await asyncio.sleep(0.2)
    assert await afar.orders_left() == []
    assert afar.stored() == ended
    assert world.engine is not None
    assert world.engine.live == 0


@in_virtual_time
async def test_an_order_about_a_call_of_another_node_is_none_of_ours(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    call = afar.a_call()
    await world.calls.create(
        call.id, b"of another node", node="m", user_ids=(), created_at_ms=call.created_at_ms, events=[]
    )
    await afar.board.order(NODE, "begin", CALL)
    await asyncio.sleep(0.2)
    assert await afar.orders_left() == []
    assert world.pbx.rung == {}
    assert world.engine is not None
    assert world.engine.live == 0


@in_virtual_time
async def test_an_owner_who_lost_the_node_in_the_midst_leaves_the_order_to_the_next_one(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    mine = afar.leases.held(NODE)
    assert mine is not None
    await afar.leases.release(mine)
    theirs = await afar.leases.acquire(NODE, "the next owner", 10**9)
    await afar.fleet.begin(afar.a_call(), THERE)
    await asyncio.sleep(1)
    assert theirs == afar.leases.held(NODE)
    assert await afar.orders_left() == [("begin", CALL)]
