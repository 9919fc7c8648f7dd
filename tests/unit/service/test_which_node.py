"""Of several nodes of one process: a slow one keeps no call from another, and each times its calls by its own clock."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.engine.admission import Admission
from ari_app.engine.asks import Refusal
from ari_app.engine.fleet import Place
from ari_app.ports.nodes import NodeNow, NodeState
from tests.laws.stories import let_phones_be
from tests.unit.service.lines import OneNode, fleet_of
from tests.unit.service.test_asking_again import Desk, at_the_desk


def slow(refused: list[Any]) -> OneNode:
    """The emptiest, as it takes hardly any call."""
    admission = Admission(lambda: 1.0, 0.15, refused.append, clock=lambda: 0.0)
    assert admission.admit("one a second may, to see")
    return OneNode(SimpleNamespace(live=0, sees_pbx=True, admission=admission, mailbox=lambda _call: None), name="slow")


def test_a_node_that_is_behind_keeps_no_call_from_one_that_is_not() -> None:
    async def story(desk: Desk) -> None:
        refused: list[Any] = []
        desk.service._fleet.nodes = (slow(refused), desk.line)
        await desk.placed()
        assert refused == [], "nobody was refused"

    at_the_desk(story)


def test_where_all_are_behind_it_is_refused_once() -> None:
    async def story(desk: Desk) -> None:
        refused: list[Any] = []
        desk.service._fleet.nodes = (slow(refused), slow(refused))
        answer = await desk.place()
        assert isinstance(answer, Refusal)
        assert (answer.type, refused) == ("no-capacity", ["lag"])

    at_the_desk(story)


@pytest.mark.parametrize("ahead_ms", [-90_000, 90_000])
def test_a_call_is_timed_by_the_clock_of_its_own_pbx(ahead_ms: int) -> None:
    """The clock by which this process counts months is another PBX's, and 90 s off."""

    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        real = desk.service._maker.make

        async def make(*asked: Any) -> Call | Refusal:
            made = await real(*asked)
            assert isinstance(made, Call)
            at_ms = made.created_at_ms + ahead_ms
            return replace(made, created_at_ms=at_ms, now_ms=at_ms)

        desk.service._maker.make = make  # type: ignore[method-assign]
        placed = await desk.placed()
        await asyncio.sleep(10)
        box = desk.service._fleet.mailbox(placed.id)
        assert box is not None
        assert (box.state, box.call.end) == ("talking", None)
        assert abs(box.call.created_at_ms - desk.world.loop.now_ms()) < 11_000

    at_the_desk(story)


@pytest.mark.parametrize(("told_at_ms", "created_at_ms"), [(99_000, 100_000), (100_500, 100_500), (10_000, 10_000)])
def test_one_that_is_handed_over_is_timed_by_what_its_owner_told(told_at_ms: int, created_at_ms: int) -> None:
    """As his word is up to three seconds old, so much is no difference."""

    async def story(desk: Desk) -> None:
        call = replace(await desk.placed(), created_at_ms=100_000, now_ms=100_000)
        fleet = fleet_of()
        fleet.seen = [NodeNow("far", "them", 900, False, None, NodeState("far", "them", 7, True, "", 0, 9, told_at_ms))]
        timed = fleet.timed(call, Place("far", None))
        assert (timed.created_at_ms, timed.now_ms) == (created_at_ms, created_at_ms)

    at_the_desk(story)
