"""All nodes as one: where a new call goes, and what is said where it can go nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.engine.fleet import Fleet, NoPlace
from ari_app.ports.leases import HeldBy
from ari_app.ports.nodes import NodeNow, NodeState

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
    return replace(NodeNow(node, "them", 900, False, None, state), **more)


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
    places = fleet(*ours, seen=seen).places()
    assert isinstance(places, list)
    place = places[0]
    is_ours = any(node.name == goes_to and node.engine is not None for node in ours)
    assert (place.node, place.engine) == (goes_to, ENGINE if is_ours else None)


@pytest.mark.parametrize(
    ("ours", "seen"),
    [([Ours("a", live=10)], []), ([Ours("a", live=11)], [told("b", live=10)]), ([], [told("b", live=10)])],
)
def test_where_all_have_as_many_calls_as_they_may_that_is_said(ours: list[Ours], seen: list[NodeNow]) -> None:
    assert fleet(*ours, seen=seen).places() == NoPlace("as many calls live as may", is_full=True)


def test_a_node_of_ours_that_was_open_a_second_ago_is_not_taken_at_the_board_s_word() -> None:
    place = fleet(Ours("a", why="no link: refused"), seen=[told("a")]).places()
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
    assert there.places() == NoPlace(why)


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
