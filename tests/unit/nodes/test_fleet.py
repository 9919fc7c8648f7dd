"""All nodes as one: where a new call goes, what is said where it can go nowhere, and calls of another process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine.fleet import FIRST_WORD_WITHIN_S, Fleet, NoPlace, Place
from ari_app.ports.leases import HeldBy
from ari_app.ports.nodes import NodeNow, NodeState
from tests.laws.stories import CALL, OTHER, in_virtual_time, is_talking, until, until_settled
from tests.laws.world import World
from tests.unit.nodes.afar import THERE, Afar

ENGINE: Any = object()


@dataclass
class Ours:
    """A node as this process has it; without an engine another one may."""

    name: str
    live: int = 0
    why: str = ""
    engine: Any = ENGINE
    calls_max: int = 10
    others: HeldBy | None = None

    def why_closed(self) -> str:
        return self.why if self.engine is not None else "not owned yet"


def told(node: str, live: int = 0, why: str = "", **more: Any) -> NodeNow:
    state = NodeState(node, "them", 7, not why, why, live, 10, 1)
    return NodeNow(
        node, **({"owner": "them", "lease_ms": 900, "is_drained": False, "wanted_by": None, "told": state} | more)
    )


def fleet(*ours: Ours, seen: Sequence[NodeNow] = ()) -> Fleet:
    made = Fleet(ours, MemoryBoard(MemoryLeases(), MemoryCalls()), MemoryCalls())
    made.seen = seen
    return made


# ---- where a call may go --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ours", "seen", "goes_to"),
    [
        ([Ours("a")], [], "a"),
        ([Ours("a", live=9)], [told("b")], "a"),
        ([Ours("a", live=5), Ours("c", live=2)], [told("b")], "c"),
        ([Ours("a", live=5), Ours("c", live=2, calls_max=3)], [], "a"),
        ([Ours("a", live=10)], [told("b", live=4), told("d", live=3)], "d"),
        ([Ours("a", why="no link")], [told("b", live=9)], "b"),
        ([Ours("a")], [told("a", is_drained=True), told("b")], "b"),
        ([Ours("a", engine=None)], [told("a", live=3)], "a"),
        ([], [told("b", is_drained=True), told("c", why="no link"), told("d", told=None), told("e", live=9)], "e"),
    ],
    ids=["ours", "ours though fuller", "the emptiest of ours", "by share, not by number", "ours are full",
         "ours is closed", "ours is drained", "it is another's now", "none but one of theirs takes calls"],
)  # fmt: skip
def test_a_call_goes_to_the_emptiest_node_of_this_process_or_else_of_the_others(
    ours: list[Ours], seen: list[NodeNow], goes_to: str
) -> None:
    place = fleet(*ours, seen=seen).place()
    assert isinstance(place, Place)
    is_ours = any(node.name == goes_to and node.engine is not None for node in ours)
    assert (place.node, place.engine) == (goes_to, ENGINE if is_ours else None)


@pytest.mark.parametrize(
    ("ours", "seen"),
    [([Ours("a", live=10)], []), ([Ours("a", live=11)], [told("b", live=10)]), ([], [told("b", live=10)])],
)
def test_where_all_have_as_many_calls_as_they_may_that_is_said(ours: list[Ours], seen: list[NodeNow]) -> None:
    assert fleet(*ours, seen=seen).place() == NoPlace("as many calls live as may", is_full=True)


def test_a_node_of_ours_that_was_open_a_second_ago_is_not_taken_at_the_board_s_word() -> None:
    place = fleet(Ours("a", why="no link: refused"), seen=[told("a")]).place()
    assert place == NoPlace("no link: refused")


@pytest.mark.parametrize(
    ("ours", "seen", "why"),
    [
        ([Ours("a", why="no link: refused")], [], "no link: refused"),
        ([Ours("a", engine=None)], [], "not owned yet"),
        ([Ours("a", engine=None)], [told("a", why="no trunk can be reached")], "no trunk can be reached"),
        ([Ours("a", engine=None)], [told("a", owner=None, told=None)], "no process owns it"),
        ([Ours("a", engine=None)], [told("a", told=None)], "nobody has told of it"),
        ([Ours("a")], [told("a", is_drained=True)], "drained"),
        (
            [Ours("b", why="it is being looked at"), Ours("d", engine=None)],
            [told("c", owner=None, told=None), told("a", is_drained=True, why="no link")],
            "a: drained; b: it is being looked at; c: no process owns it; d: not owned yet",
        ),
    ],
)
def test_where_no_node_takes_a_call_each_says_why(ours: list[Ours], seen: list[NodeNow], why: str) -> None:
    there = fleet(*ours, seen=seen)
    assert there.why_closed() == why
    assert there.place() == NoPlace(why)


def test_where_one_node_takes_calls_nothing_is_missing() -> None:
    assert fleet(Ours("a", why="no link"), seen=[told("b")]).why_closed() == ""
    assert fleet(Ours("a"), seen=[told("b", why="no link")]).why_closed() == ""


async def test_a_process_is_open_where_another_that_lives_takes_calls() -> None:
    ours = Ours("a", engine=None)
    there = fleet(ours)
    waiting = asyncio.create_task(there.until_open())
    there.seen = [told("a")]
    there.look_again()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done(), "the word of one that may be dead: nobody has said yet that its lease is another's"
    ours.others = HeldBy("them", 7, 900)
    there.look_again()
    await asyncio.wait_for(waiting, 1)


# ---- calls of another process ---------------------------------------------------------------------------------------


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
    other = Fleet([], afar.board, world.calls)  # type: ignore[arg-type]
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
    assert await afar.fleet.find(CALL) == ended
    assert not await afar.fleet.cancel_for_good(CALL), "it is over"
    assert not await afar.fleet.cancel_for_good(OTHER), "there is none"
    assert await afar.fleet.find(OTHER) is None
    await until(world, lambda: not afar.board.inner._nodes["n"].orders, 5)


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
