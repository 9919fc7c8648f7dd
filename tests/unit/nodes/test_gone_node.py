"""Ending the calls of a node whose PBX is gone for good: never those of one that a process has."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.adapters.gone_pbx import GonePbx
from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.engine import ending
from ari_app.engine.ending import end_calls
from ari_app.engine.engine import Engine
from ari_app.engine.keeping import Keeping
from ari_app.engine.node import Node, Reign
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.perform import Performer
from tests.laws.world import NoMonths
from tests.support import until
from tests.unit.nodes.houses import NODE, TTL_MS, House, Process, now_ms, owning


def gone_node(house: House) -> Node:
    def make() -> Reign:
        pbx, ledger = GonePbx(now_ms), MemoryLedger()
        engine = Engine(
            node=NODE, telephony=pbx, calls=house.calls, ledger=ledger,  # type: ignore[arg-type]  # a Troubled one
            costs=MemoryCosts(),
            performer=Performer(pbx, ledger, now_ms, NoMonths()), now_ms=now_ms, alive_mark_s=0.05, keeping=Keeping(60),
        )  # fmt: skip
        return Reign(engine, pbx)

    lease = LeaseKeeper(house.leases, NODE, "undertaker", ttl_ms=TTL_MS, margin_ms=50)
    return Node(NODE, lease=lease, board=house.board, make=make, calls_max=1, is_home=False)


async def test_a_node_that_a_process_has_is_left_to_it(house: House) -> None:
    process = await owning(house, "a")
    assert not await end_calls(gone_node(house))
    assert process.owns
    assert house.owner() == "a"
    await process.left()
    assert await end_calls(gone_node(house))
    assert house.owner() is None, "it is left to whoever comes"


async def test_a_process_that_comes_for_it_meanwhile_gets_it_with_its_calls(house: House) -> None:
    house.calls.away.update(alive=10**6)  # the calls cannot be loaded yet
    ending_calls = asyncio.create_task(end_calls(gone_node(house)))
    await until(lambda: house.owner() == "undertaker")
    await house.board.inner.want(NODE, "home", 5_000)
    home = Process(house, "home")
    house.calls.away.clear()
    assert not await ending_calls
    await until(lambda: home.owns)


async def test_what_is_not_ended_in_time_is_said_and_goes_on_when_it_is_asked_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ending, "ENDS_WITHIN_S", 0.3)
    house.calls.away.update(alive=10**6)  # the calls cannot be loaded
    with pytest.raises(TimeoutError):
        await end_calls(gone_node(house))
    assert house.owner() is None
    house.calls.away.clear()
    assert await end_calls(gone_node(house))
