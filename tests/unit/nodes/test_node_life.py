"""One node in several processes: who has it, and to whom it goes."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.engine import node as node_module
from ari_app.engine.node import FIGHTS_MAX
from ari_app.lasting import DiedError
from ari_app.ports.telephony import Replaced
from tests.support import until
from tests.unit.nodes.houses import NODE, TTL_MS, House, Process, owning, told_open

# ---- waiting and taking over ----------------------------------------------------------------------------------------


async def test_a_process_waits_while_another_one_has_the_node_and_takes_it_when_that_one_leaves(house: House) -> None:
    first = await owning(house, "a")
    second = Process(house, "b")
    await until(lambda: second.node.others is not None)
    assert (second.node.engine, second.node.live) == (None, 0)
    assert second.node.why_closed() == "owned by another process"
    assert second.node.others is not None
    assert second.node.others.owner == "a"

    await first.left()
    await until(lambda: second.owns)
    assert (second.node.others, second.node.why_closed()) == (None, "")
    await told_open(house, "b")


async def test_one_that_dies_is_followed_when_its_lease_has_run_out(house: House) -> None:
    first, second = await owning(house, "a"), Process(house, "b")
    await until(lambda: second.node.others is not None)
    await first.killed()
    assert house.owner() == "a"
    await until(lambda: second.owns)
    assert house.exchange.holder is second.link


async def test_what_is_told_of_a_node_is_how_it_is(house: House) -> None:
    trunks = [True]
    process = Process(house, "a", has_trunk=lambda: trunks[0])
    await told_open(house, "a")
    now = await house.seen()
    assert now is not None
    assert now.told is not None
    assert (now.told.calls_max, now.told.live, now.told.number) == (7, 0, process.lease.number)

    async def told(why: str) -> None:
        async def is_told() -> bool:
            now = await house.seen()
            return now is not None and now.told is not None and (now.told.why, now.is_open) == (why, not why)

        await until(is_told, what=why)

    process.link.fault = "no link: refused"
    await told("no link: refused")
    process.link.fault, trunks[0] = "", False
    await told("no trunk can be reached")
    trunks[0] = True
    await told("")


async def test_before_the_pbx_was_seen_no_call_goes_there(house: House) -> None:
    house.exchange.is_there.clear()
    process = Process(house, "a")
    await until(lambda: process.node.engine is not None)
    assert process.node.why_closed() == "it is being looked at"
    house.exchange.is_there.set()
    await told_open(house, "a")


async def test_past_its_lease_no_call_goes_there_and_it_is_taken_again_when_redis_is_back(house: House) -> None:
    process = await owning(house)
    number = process.lease.number
    house.leases.away.update(renew=10**6, acquire=10**6)
    await until(lambda: process.node.why_closed() == "its lease has run out: Redis does not renew it")
    await until(lambda: house.owner() is None)
    house.leases.away.clear()
    await until(lambda: process.node.why_closed() == "")
    assert process.owns
    assert process.lease.number > number
    assert process.stood_down == [], "nobody had it meanwhile, so all goes on"


# ---- at home --------------------------------------------------------------------------------------------------------


async def test_a_node_is_given_back_to_the_process_that_is_at_home_there(house: House) -> None:
    guest = await owning(house, "guest", is_home=False)
    link = guest.link
    home = Process(house, "home")
    await until(lambda: home.owns)
    assert guest.node.reign is None
    assert link.is_closed, "the guest asks nothing more of the PBX"
    assert guest.stood_down == [], "nobody took it"
    await told_open(house, "home")
    assert not guest.running.done()

    await home.left()
    await until(lambda: guest.owns)


async def test_a_guest_does_not_take_a_node_while_it_is_wanted_at_home(house: House) -> None:
    await house.board.inner.want(NODE, "home", 300)
    guest = Process(house, "guest", is_home=False)

    async def looked_twice() -> bool:
        return asked[0] >= 3

    asked, real = [0], house.board.inner.wanted_by

    async def counted(node: str) -> str | None:
        asked[0] += 1
        return await real(node)  # type: ignore[no-any-return]

    house.board.inner.wanted_by = counted
    await until(looked_twice)
    assert house.owner() is None, "nobody has it, and it is left to who comes home"
    await until(lambda: guest.owns, what="he never came")


# ---- losing it ------------------------------------------------------------------------------------------------------


async def test_a_process_whose_lease_another_one_has_stands_down_and_comes_back_anew(house: House) -> None:
    process = await owning(house)
    engine, link = process.node.engine, process.link
    assert engine is not None
    was_closed, real_close = list[bool](), engine.close

    async def close() -> None:
        was_closed.append(link.is_closed)
        await real_close()

    engine.close = close  # type: ignore[method-assign]
    theirs = await house.stolen()
    await until(lambda: process.stood_down)
    assert process.stood_down == [f"another process took the lease on {NODE}"]
    assert was_closed == [True], "the link is closed before anything else is done"
    await until(lambda: process.node.others is not None)
    assert house.held(NODE) == theirs
    assert not process.running.done()

    await house.leases.inner.release(theirs)
    await until(lambda: process.owns)
    assert process.node.engine is not engine
    assert process.link is not link


async def test_one_that_was_replaced_by_the_new_owner_does_not_fight(house: House) -> None:
    first = await owning(house, "a")
    theirs = await house.stolen()
    first.link.say(Replaced())
    await until(lambda: first.stood_down)
    await until(lambda: first.node.others is not None)
    assert house.held(NODE) == theirs
    assert len(house.exchange.links) == 1


async def test_who_is_replaced_again_and_again_though_the_lease_is_his_gives_up(house: House) -> None:
    process = await owning(house)
    for fight in range(FIGHTS_MAX + 1):
        await until(lambda: process.owns, what=f"fight {fight}")
        process.link.say(Replaced())
        await until(lambda n=fight: len(process.stood_down) == n + 1)  # type: ignore[misc]
    with pytest.raises(DiedError, match="a process that does not share this Redis takes this PBX's application"):
        await asyncio.wait_for(process.running, 5)


async def test_so_does_not_one_that_has_other_nodes_it_leaves_this_one_alone_for_a_while(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_module, "FIGHT_S", 1.0)
    process = await owning(house)
    process.node._is_only = False
    for fight in range(FIGHTS_MAX + 1):
        await until(lambda: process.owns, what=f"fight {fight}")
        process.link.say(Replaced())
        await until(lambda n=fight: len(process.stood_down) == n + 1)  # type: ignore[misc]
    await until(lambda: "does not share this Redis" in process.node.why_closed())
    assert house.owner() is None, "whoever can have it may"
    await until(lambda: process.owns)
    assert process.node.why_closed() == ""


async def test_once_in_a_while_it_may_be_replaced(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_module, "FIGHT_S", 0.0)
    process = await owning(house)
    for fight in range(FIGHTS_MAX + 2):
        await until(lambda: process.owns, what=f"fight {fight}")
        process.link.say(Replaced())
        await until(lambda n=fight: len(process.stood_down) == n + 1)  # type: ignore[misc]
    await until(lambda: process.owns)


async def test_to_be_replaced_by_one_who_had_the_lease_is_no_fight_however_often(house: House) -> None:
    process = await owning(house)
    for n in range(FIGHTS_MAX + 2):
        theirs = await house.stolen()
        process.link.say(Replaced())
        await until(lambda n=n: len(process.stood_down) == n + 1)  # type: ignore[misc]
        await house.leases.inner.release(theirs)
        await until(lambda: process.owns, what=f"take-over {n}")


async def test_a_part_that_dies_ends_the_process_and_is_named(house: House) -> None:
    process = await owning(house)
    process.link.die(ZeroDivisionError("by zero"))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(process.running, 5)
    (why,) = caught.value.exceptions
    assert str(why) == "the link to the PBX stopped by a fault: ZeroDivisionError: by zero"


async def test_who_takes_long_to_take_up_its_calls_stays_the_owner_meanwhile(house: House) -> None:
    """Or two who both take longer than a lease lasts would take the node from each other for ever."""
    real = house.calls.inner.load_many
    loads = 0

    async def slow(call_ids: list[str]) -> object:
        nonlocal loads
        loads += 1
        await asyncio.sleep(3 * TTL_MS / 1000)
        return await real(call_ids)

    house.calls.inner.load_many = slow
    first = Process(house, "a")
    await until(lambda: loads == 1)
    second = Process(house, "b")
    await until(lambda: first.owns)
    assert (loads, house.owner(), second.node.engine) == (1, "a", None)


async def test_who_loses_the_node_while_he_takes_up_its_calls_stands_down(house: House) -> None:
    house.calls.away["live"] = 10**6
    process = Process(house, "a")
    await until(lambda: process.node.engine is not None)
    await house.stolen()
    await until(lambda: process.stood_down)
    assert process.stood_down == [f"another process took the lease on {NODE}"]
    assert not process.running.done()
