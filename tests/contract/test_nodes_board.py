"""The board of nodes over memory, Redis and a cluster: whom it believes and for how long, and that no order is lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.nodes import ORDERS_AT_ONCE
from ari_app.ports.leases import Lease
from ari_app.ports.nodes import NodeNow, Order
from tests.contract.nodes_store import LONG_MS, NodesStore
from tests.support import until

SHORT_MS = 100


def calls_of(orders: Sequence[Order]) -> list[tuple[str, str]]:
    return [(order.what, order.call) for order in orders]


# ---- what an owner tells --------------------------------------------------------------------------------------------


async def test_what_the_owner_of_the_lease_tells_is_believed(nodes: NodesStore) -> None:
    lease = await nodes.owned("pbx1", "me")
    state = await nodes.told(lease, live=3)

    now = await nodes.seen("pbx1")
    assert now.told == state
    assert (now.owner, now.is_open, now.is_drained, now.wanted_by) == ("me", True, False, None)
    assert 0 < now.lease_ms <= LONG_MS


async def test_a_node_that_is_closed_says_why(nodes: NodesStore) -> None:
    await nodes.told(await nodes.owned(), is_open=False, why="no link: refused")

    now = await nodes.seen()
    assert now.told is not None
    assert (now.is_open, now.told.why) == (False, "no link: refused")


async def test_nodes_are_listed_by_name_and_only_those_that_were_told_of(nodes: NodesStore) -> None:
    assert await nodes.board.all() == []
    for name in ("pbx2", "pbx1", "pbx10"):
        await nodes.told(await nodes.owned(name))
    await nodes.owned("silent")
    await nodes.board.order("asked", "begin", "c1")
    await nodes.board.want("wanted", "me", LONG_MS)

    assert [one.node for one in await nodes.board.all()] == ["pbx1", "pbx10", "pbx2"]


async def test_the_word_of_an_owner_who_gave_it_up_is_not_believed(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.told(lease)
    await nodes.leases.release(lease)

    assert await nodes.seen() == NodeNow("pbx1", None, 0, False, None, None)


async def test_the_word_of_the_owner_before_is_not_taken_for_the_next_one_s(nodes: NodesStore) -> None:
    mine = await nodes.owned(owner="me")
    await nodes.told(mine)
    await nodes.leases.release(mine)
    theirs = await nodes.owned(owner="you")

    now = await nodes.seen()
    assert (now.owner, now.told, now.is_open) == ("you", None, False)
    await nodes.told(theirs)
    assert (await nodes.seen()).is_open
    await nodes.told(mine)  # who has been stopped for a while, and wakes up
    assert not (await nodes.seen()).is_open


async def test_an_owner_s_word_under_an_older_lease_of_his_is_not_believed(nodes: NodesStore) -> None:
    await nodes.told(await nodes.owned(owner="me"))
    again = await nodes.owned(owner="me")

    assert (await nodes.seen()).told is None
    state = await nodes.told(again)
    assert (await nodes.seen()).told == state


async def test_an_owner_who_says_no_more_is_believed_no_longer_than_he_asked_for(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.told(lease, ttl_ms=SHORT_MS)

    async def is_silent() -> bool:
        return (await nodes.seen()).told is None

    await until(is_silent)
    assert (await nodes.seen()).owner == "me", "his lease is another matter"


async def test_a_lease_that_has_run_out_leaves_a_node_without_an_owner(nodes: NodesStore) -> None:
    await nodes.told(await nodes.owned(ttl_ms=SHORT_MS))

    async def is_free() -> bool:
        return (await nodes.seen()).owner is None

    await until(is_free)
    now = await nodes.seen()
    assert (now.told, now.lease_ms, now.is_open) == (None, 0, False)


async def test_a_state_that_another_version_wrote_otherwise_is_none(any_link: Link) -> None:
    nodes = NodesStore.in_redis(any_link)
    await nodes.told(await nodes.owned())
    await any_link.command("SET", "{n:pbx1}:state", b'{"node": "pbx1", "mood": "fine"}')

    now = await nodes.seen()
    assert (now.owner, now.told) == ("me", None)


# ---- drained, wanted, forgotten -------------------------------------------------------------------------------------


async def test_a_drained_node_takes_no_call_whatever_its_owner_says_until_it_is_let(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.told(lease)

    assert await nodes.board.drain("pbx1", True)
    assert ((await nodes.seen()).is_drained, (await nodes.seen()).is_open) == (True, False)
    await nodes.leases.release(lease)
    await nodes.told(await nodes.owned(owner="you"))
    assert not (await nodes.seen()).is_open, "so it is with its next owner"
    assert await nodes.board.drain("pbx1", False)
    assert ((await nodes.seen()).is_drained, (await nodes.seen()).is_open) == (False, True)


async def test_a_node_that_nobody_told_of_cannot_be_drained_or_forgotten(nodes: NodesStore) -> None:
    assert not await nodes.board.drain("pbx9", True)
    assert not await nodes.board.forget("pbx9")
    assert await nodes.now("pbx9") is None

    await nodes.told(await nodes.owned("pbx9"))
    assert not (await nodes.seen("pbx9")).is_drained


async def test_who_waits_for_a_node_at_home_is_known_for_as_long_as_he_says_so(nodes: NodesStore) -> None:
    await nodes.told(await nodes.owned(owner="you"))
    assert await nodes.board.wanted_by("pbx1") is None
    await nodes.board.want("pbx1", "me", LONG_MS)
    assert await nodes.board.wanted_by("pbx1") == (await nodes.seen()).wanted_by == "me"
    assert await nodes.board.wanted_by("pbx2") is None

    await nodes.board.want("pbx1", "me", SHORT_MS)

    async def is_over() -> bool:
        return await nodes.board.wanted_by("pbx1") is None

    await until(is_over)
    assert (await nodes.seen()).wanted_by is None


async def test_a_node_is_not_forgotten_while_somebody_has_it_or_calls_live_there(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.told(lease)
    assert not await nodes.board.forget("pbx1"), "it has an owner"
    await nodes.live_call()
    await nodes.leases.release(lease)
    assert not await nodes.board.forget("pbx1"), "a call lives there"
    assert await nodes.now() is not None

    await nodes.calls.close("c1", "pbx1")
    assert await nodes.board.forget("pbx1")
    assert await nodes.now() is None
    assert not await nodes.board.forget("pbx1"), "it is gone already"


async def test_what_was_asked_of_a_forgotten_node_goes_with_it_and_its_leases_go_on_growing(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.told(lease)
    await nodes.board.drain("pbx1", True)
    await nodes.board.order("pbx1", "begin", "c1")
    await nodes.leases.release(lease)
    assert await nodes.board.forget("pbx1")

    again = await nodes.owned()
    await nodes.told(again)
    assert again.number > lease.number
    assert ((await nodes.seen()).is_drained, await nodes.orders()) == (False, [])


# ---- orders ---------------------------------------------------------------------------------------------------------


async def test_orders_are_seen_in_the_order_in_which_they_were_given_by_whoever_owns_the_node(
    nodes: NodesStore,
) -> None:
    asked = [("begin", "c1"), ("begin", "c2"), ("cancel", "c1")]
    for what, call in asked:
        await nodes.board.order("pbx1", what, call)  # type: ignore[arg-type]
    await nodes.board.order("pbx2", "begin", "c3")

    found = await nodes.board.orders("pbx1", "")
    assert calls_of(found) == asked
    assert calls_of(await nodes.board.orders("pbx1", found[0].id)) == asked[1:]
    assert await nodes.board.orders("pbx1", found[-1].id) == []
    assert calls_of(await nodes.board.orders("pbx2", "")) == [("begin", "c3")]


async def test_an_order_brings_what_its_call_is_told(nodes: NodesStore) -> None:
    payload = '{"told":{"leg":"p1","word":"mute \\u00e9\u4e2d"}}'
    await nodes.board.order("pbx1", "tell", "c1", payload)
    await nodes.board.order("pbx1", "begin", "c2")

    told, begun = await nodes.orders()
    assert (told.what, told.call, told.payload) == ("tell", "c1", payload)
    assert (begun.what, begun.call, begun.payload) == ("begin", "c2", "")


async def test_more_orders_than_are_read_at_once_are_read_one_after_the_other(nodes: NodesStore) -> None:
    asked = [("begin", f"c{n}") for n in range(ORDERS_AT_ONCE + 5)]
    for _, call in asked:
        await nodes.board.order("pbx1", "begin", call)

    assert calls_of(await nodes.orders()) == asked


async def test_an_order_stays_until_the_owner_of_the_lease_has_done_it(nodes: NodesStore) -> None:
    lease = await nodes.owned()
    await nodes.board.order("pbx1", "begin", "c1")
    await nodes.board.order("pbx1", "begin", "c2")
    first, second = await nodes.orders()

    assert await nodes.board.done(lease, first.id)
    assert await nodes.orders() == [second]
    assert await nodes.board.done(lease, first.id), "once more does no harm"
    assert await nodes.orders() == [second]


async def test_one_who_lost_the_lease_takes_no_order_from_the_next_owner(nodes: NodesStore) -> None:
    mine = await nodes.owned(owner="me")
    await nodes.board.order("pbx1", "begin", "c1")
    (order,) = await nodes.orders()
    await nodes.leases.release(mine)
    assert not await nodes.board.done(mine, order.id), "nobody has it"
    theirs = await nodes.owned(owner="you")

    assert not await nodes.board.done(mine, order.id)
    stale = Lease("pbx1", "you", mine.number, mine.deadline_ms)
    assert not await nodes.board.done(stale, order.id), "the owner's name alone is not enough"
    assert await nodes.orders() == [order]
    assert await nodes.board.done(theirs, order.id)
    assert await nodes.orders() == []


@pytest.mark.parametrize("others", [1, ORDERS_AT_ONCE + 1])
async def test_orders_of_a_newer_version_are_passed_over_and_left_for_it(any_link: Link, others: int) -> None:
    nodes = NodesStore.in_redis(any_link)
    await any_link.commands(
        [("XADD", "{n:pbx1}:orders", "*", "what", "teleport", "call", f"c{n}") for n in range(others)]
    )
    await nodes.board.order("pbx1", "begin", "mine")

    assert calls_of(await nodes.board.orders("pbx1", "")) == [("begin", "mine")]
    assert await any_link.command("XLEN", "{n:pbx1}:orders") == others + 1
