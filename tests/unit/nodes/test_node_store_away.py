"""A node's owner, and who waits for it, while the store is away: nobody is stopped by that, at whatever step."""

from __future__ import annotations

import pytest

from ari_app.ports.telephony import Replaced
from tests.support import until
from tests.unit.nodes.houses import NODE, House, Process, owning, told_open


@pytest.mark.parametrize(
    ("store", "question"),
    [("leases", "acquire"), ("board", "wanted_by"), ("calls", "alive"), ("calls", "live"), ("calls", "load_many"),
     ("board", "tell"), ("board", "orders"), ("leases", "renew"), ("calls", "mark_alive")],
)  # fmt: skip
@pytest.mark.parametrize("trouble", ["away", "lost"])
async def test_a_store_that_is_away_for_a_moment_stops_nobody(
    house: House, store: str, question: str, trouble: str
) -> None:
    getattr(getattr(house, store), trouble)[question] = 2
    process = Process(house, "a", is_home=False)
    await told_open(house, "a")
    await until(lambda: not getattr(getattr(house, store), trouble)[question], what="it was asked often enough")
    await told_open(house, "a")
    assert not process.running.done()
    assert process.stood_down == []


async def test_a_home_process_waits_on_though_it_cannot_say_that_it_wants_its_node(house: House) -> None:
    await owning(house, "guest", is_home=False)
    house.board.away["want"] = 2
    home = Process(house, "home")
    await until(lambda: home.owns)


@pytest.mark.parametrize("question", ["renew", "acquire"])
async def test_who_was_replaced_asks_until_he_knows_whose_it_is(house: House, question: str) -> None:
    process = await owning(house)
    theirs = await house.stolen()
    house.leases.away[question] = 3
    process.link.say(Replaced())
    await until(lambda: process.node.others is not None)
    assert house.held(NODE) == theirs
    assert not process.running.done()


async def test_one_that_leaves_while_the_store_is_away_leaves(house: House) -> None:
    process = await owning(house)
    house.leases.away["release"] = 1
    await process.left()
    assert house.owner() == "a", "it runs out"
    second = Process(house, "b")
    await until(lambda: second.owns)


async def test_a_node_that_cannot_be_given_back_now_runs_out_for_its_home(house: House) -> None:
    guest = await owning(house, "guest", is_home=False)
    house.leases.away["release"] = 1
    home = Process(house, "home")
    await until(lambda: home.owns)
    assert guest.node.reign is None
    assert not guest.running.done()
