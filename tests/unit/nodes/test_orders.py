"""Orders of other processes at a node's owner: carried out until they are, once or often, and taken off the list by
nobody but the owner."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from ari_app.engine.admission import Admission
from ari_app.engine.beginnings import DOUBTFUL_S, SWEEP_S
from tests.laws.stories import CALL, OTHER, app, in_virtual_time, is_talking, until, until_settled
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


# ---- room at the PBX ------------------------------------------------------------------------------------------------


@dataclass
class Room:
    """Of a PBX that is busy until it is told otherwise."""

    is_there: bool = False
    placed_calls: list[str] = field(default_factory=list)

    def admit(self, _call: str, *, is_last_word: bool) -> bool:
        assert not is_last_word, "it is asked for again"
        return self.is_there

    def placed(self, call: str, *, has_begun: bool) -> None:
        assert has_begun
        self.placed_calls.append(call)

    def dialled(self, _call: str) -> None:
        pass


async def busy(afar: Afar) -> Room:
    await afar.opened()
    await afar.owned()
    room = Room()
    app(afar.world).admission = room  # type: ignore[assignment]
    await afar.fleet.begin(afar.a_call(), THERE)
    await asyncio.sleep(DOUBTFUL_S / 2)
    assert await afar.orders_left() == [("begin", CALL)]
    assert afar.world.pbx.rung == {}
    return room


@in_virtual_time
async def test_a_call_that_is_handed_over_waits_until_its_pbx_has_room(world: World) -> None:
    afar = Afar(world)
    room = await busy(afar)
    room.is_there = True
    await until(world, lambda: is_talking(world), 5)
    await until(world, lambda: room.placed_calls == [CALL], 1)
    assert await afar.orders_left() == []


@in_virtual_time
async def test_one_that_waits_for_room_too_long_is_ended_and_rings_nobody(world: World) -> None:
    afar = Afar(world)
    room = await busy(afar)
    ended = await until_settled(world, within_s=DOUBTFUL_S)
    assert ended.end is not None
    assert ended.end.reason == "cancelled"
    assert (world.pbx.rung, room.placed_calls) == ({}, [])
    await asyncio.sleep(1)
    assert await afar.orders_left() == []


@in_virtual_time
async def test_one_that_waits_for_room_can_be_cancelled_at_once(world: World) -> None:
    afar = Afar(world)
    await busy(afar)
    asked_s = world.loop.now_s
    assert await afar.fleet.cancel_for_good(CALL)
    assert world.loop.now_s - asked_s < 1
    assert (await until_settled(world, within_s=5)).end is not None


def measured(world: World, lag_s: float) -> tuple[Admission, list[str]]:
    """The real one, at the owner's."""
    refused: list[str] = []
    admission = Admission(lambda: lag_s, 0.15, refused.append, clock=lambda: world.loop.now_s)
    app(world).admission = admission
    app(world).performer._dialled = admission.dialled
    return admission, refused


@in_virtual_time
async def test_one_that_rings_nobody_is_not_waited_for(world: World) -> None:
    """Who has no minutes, or asks for what is over, must not close the door for all others."""
    afar = Afar(world)
    await afar.opened(minutes_s=0)
    await afar.owned()
    admission, _ = measured(world, lag_s=0)
    await afar.fleet.begin(afar.a_call(), THERE)
    await until_settled(world, within_s=1)
    await asyncio.sleep(0.1)
    assert admission.lag_s == 0
    await afar.board.order(NODE, "begin", OTHER)  # of which there is none
    await asyncio.sleep(0.1)
    assert admission.lag_s == 0


@in_virtual_time
async def test_one_that_waits_for_room_is_not_counted_as_refused(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    admission, refused = measured(world, lag_s=1)
    assert admission.admit("one a second may, to see")
    await afar.fleet.begin(afar.a_call(), THERE)
    await asyncio.sleep(0.9)
    assert await afar.orders_left() == [("begin", CALL)]
    assert refused == []


# ---- faults ---------------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_order_or_a_call_that_meets_a_fault_keeps_no_other_from_being_tended(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    real = world.calls.load

    async def load(call_id: str) -> Any:
        if call_id == OTHER:
            raise ValueError("a head that cannot be read")
        return await real(call_id)

    world.calls.load = load  # type: ignore[method-assign]
    await afar.owned(sweeps=True)
    world.calls._live.setdefault(NODE, set()).add(OTHER)
    await afar.board.order(NODE, "begin", OTHER)
    await asyncio.sleep(3 * SWEEP_S)
    assert not afar._orders.done()
    assert not afar._sweep.done()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(world, lambda: is_talking(world), 5)
    await asyncio.sleep(0.2)
    assert await afar.orders_left() == [], "its call is in the live set: no order is needed to look at it again"
