"""Minutes on a real Redis Cluster: slots that move, nodes that go away, and what is asked across slots."""

from __future__ import annotations

import asyncio
import os
import random

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.slots import key_of, slot_of
from ari_app.domain.errors import Unavailable
from ari_app.ports.ledger import Granted, Held, Settled
from tests.contract.desk import Desk
from tests.contract.redis_cluster import RedisCluster, asking, payers_of
from tests.support import surely, until

MOVES, CALLS = (150, 200) if os.environ.get("SOAK") else (8, 25)  # of slots; of each account, at least
SEED = int(os.environ.get("SEED") or 7)
TIMEOUT_MS = 500


def account_key(payer: str) -> str:
    return f"{{p:{payer}}}:a"


# ---- slots that move -------------------------------------------------------------------------------------------------
async def test_a_slot_that_has_moved_is_followed(cluster: RedisCluster, cluster_link: Link) -> None:
    (payer,) = payers_of(cluster, 0, 1)
    desk = Desk(RedisLedger(cluster_link), payer, allowance_s=0)
    await desk.grant(60)
    await asyncio.to_thread(cluster.move, account_key(payer), 1)

    assert await desk.grant(60, "another") == Granted(60, 120), "a script"
    assert (await desk.account()).available_s == 120, "a transaction"
    await desk.ledger.durable()

    await asyncio.to_thread(cluster.move, account_key(payer), 0)
    assert (await desk.account()).available_s == 120, "a transaction is followed, too"
    assert await cluster_link.get(account_key(payer)) is not None


async def test_a_key_that_is_on_its_way_is_asked_for_where_it_is_by_now(
    cluster: RedisCluster, cluster_link: Link
) -> None:
    slot = slot_of("on-its-way")
    source = cluster.master_of("on-its-way")
    target = (source + 1) % 3
    with asking(cluster.nodes[source]) as old, asking(cluster.nodes[target]) as new:
        new("CLUSTER", "SETSLOT", slot, "IMPORTING", cluster.id_of(source))
        old("CLUSTER", "SETSLOT", slot, "MIGRATING", cluster.id_of(target))
        try:
            assert await cluster_link.swap(
                "on-its-way", None, b"one"
            )  # not there any more, so it is begun at the target
            assert old("CLUSTER", "COUNTKEYSINSLOT", slot) == 0
            assert await cluster_link.get("on-its-way") == b"one"
            with pytest.raises(Unavailable, match="TRYAGAIN"):
                await cluster_link.command("MGET", "on-its-way", "{on-its-way}:other")
        finally:
            for ask in (new, old):
                ask("CLUSTER", "SETSLOT", slot, "NODE", cluster.id_of(target))
    assert await cluster_link.get("on-its-way") == b"one"


async def test_while_slots_move_nothing_is_lost_and_nothing_counts_twice(
    cluster: RedisCluster, cluster_link: Link
) -> None:
    dice = random.Random(SEED)
    payers = [payer for node in range(3) for payer in payers_of(cluster, node, 2)]
    desks = [Desk(RedisLedger(cluster_link), payer, increment="1/1", allowance_s=1_000_000) for payer in payers]

    moved: list[str] = []
    spent_s: dict[str, int] = {}

    async def calls(desk: Desk) -> None:
        n = 0
        while len(moved) < MOVES or n < CALLS:
            assert isinstance(await surely(desk.hold, f"c{n}", 20), Held)
            assert isinstance(await surely(desk.settle, f"c{n}", 7), Settled)
            n, spent_s[desk.payer] = n + 1, 7 * (n + 1)
            await asyncio.sleep(dice.uniform(0, 0.02))

    async def move() -> None:
        while len(moved) < MOVES:
            key = account_key(dice.choice(payers))
            to = dice.choice([node for node in range(3) if node != cluster.master_of(key)])
            await asyncio.to_thread(cluster.move, key, to)
            moved.append(key)

    await asyncio.gather(move(), *(calls(desk) for desk in desks))

    for desk in desks:
        account = await surely(desk.account)
        assert (account.totals.spent_s, account.held_s) == (spent_s[desk.payer], 0)
        assert 7 * len(account.settlements) == spent_s[desk.payer]
    await surely(RedisLedger(cluster_link).durable)


# ---- nodes that go away ----------------------------------------------------------------------------------------------
async def test_a_master_that_is_away_makes_only_its_own_accounts_wait(
    cluster: RedisCluster, cluster_link: Link
) -> None:
    told: list[bool] = []
    link = Link(cluster.url, timeout_ms=TIMEOUT_MS, on_change=told.append)
    await link.start()
    ours, theirs = ([Desk(RedisLedger(link), one) for one in payers_of(cluster, node, 5)] for node in (1, 2))
    await asyncio.gather(*(desk.grant(60) for desk in (*ours, *theirs)))
    await RedisLedger(link).durable()
    await ours[0].grant(60, "not-waited-for")
    cluster.nodes[1].kill()
    try:
        with pytest.raises(Unavailable):
            await ours[0].ledger.durable(ours[0].payer)
        for desk in ours:
            with pytest.raises(Unavailable):
                await asyncio.wait_for(desk.hold("c1"), timeout=10 * TIMEOUT_MS / 1000)
        for desk in theirs:
            assert isinstance(await desk.hold("c1"), Held)
            assert isinstance(await desk.settle("c1", 60), Settled)
            await desk.ledger.durable(desk.payer)
        await until(lambda: not link.is_up)

        late = Link(cluster.url, timeout_ms=TIMEOUT_MS)
        with capture_logs() as logs:
            await late.start(within_s=1)
        assert [log["log_level"] for log in logs if "part of the redis cluster" in log["event"]] == ["warning"]
        assert isinstance(await Desk(RedisLedger(late), theirs[0].payer).hold("c2"), Held)
        await late.close()
    finally:
        cluster.nodes[1].start()
    await asyncio.to_thread(cluster.wait_whole)
    await until(lambda: link.is_up, what="the link is whole again")
    with pytest.raises(Unavailable, match="1 writes may be lost"):
        await RedisLedger(link).durable()
    await RedisLedger(link).durable(ours[1].payer)
    await surely(ours[0].grant, 60, "not-waited-for")
    await surely(RedisLedger(link).durable)
    for desk in ours:
        assert isinstance(await surely(desk.hold, "c1"), Held)
        assert (await desk.account()).totals.granted_s == 3600 + (120 if desk is ours[0] else 60)
    assert told == [True, False, True]
    await link.close()


async def test_a_node_that_falls_silent_is_given_up_within_the_time_out(
    cluster: RedisCluster, cluster_link: Link
) -> None:
    link = Link(cluster.url, timeout_ms=TIMEOUT_MS)
    await link.start()
    (payer,), (other,) = payers_of(cluster, 1, 1), payers_of(cluster, 2, 1)
    cluster.nodes[1].freeze()
    try:
        with pytest.raises(Unavailable, match="no answer within"):
            await asyncio.wait_for(Desk(RedisLedger(link), payer).hold("c1"), timeout=10 * TIMEOUT_MS / 1000)
        assert isinstance(await Desk(RedisLedger(link), other).hold("c1"), Held)
    finally:
        cluster.nodes[1].thaw()
    await asyncio.to_thread(cluster.wait_whole)
    await until(lambda: link.is_up, what="the link is whole again")
    assert isinstance(await surely(Desk(RedisLedger(link), payer).hold, "c1"), Held)
    await link.close()


async def test_no_cluster_at_all_is_said_at_the_start() -> None:
    nowhere = Link("redis+cluster://127.0.0.1:1,127.0.0.1:2", timeout_ms=2_000)

    with pytest.raises(Unavailable, match="no node of the Redis Cluster"):
        await nowhere.start(within_s=1)
    await nowhere.close()


async def test_a_server_that_is_no_cluster_is_said_at_the_start(link: Link) -> None:
    address = repr(link.masters[0].main.address)
    wrong = Link(f"redis+cluster://{address}", timeout_ms=2_000)

    with pytest.raises(Unavailable, match="cluster support disabled"):
        await wrong.start(within_s=1)
    await wrong.close()


# ---- across slots ----------------------------------------------------------------------------------------------------
async def test_a_call_stays_in_the_live_set_while_its_record_cannot_be_closed(
    cluster: RedisCluster, cluster_link: Link
) -> None:
    """Other order: a record that no start finds, and that never goes."""
    calls = RedisCalls(cluster_link)
    with_live = cluster.master_of("{n:pbx1}:live")
    call = next(f"c{n}" for n in range(99) if cluster.master_of(f"{{c:c{n}}}:r") != with_live)
    await calls.create(call, b"{}", node="pbx1", user_ids=["alice"], created_at_ms=1, events=[])
    source = cluster.master_of(f"{{c:{call}}}:r")
    with asking(cluster.nodes[source]) as ask:
        ask("ACL", "SETUSER", "default", "-expire")
        try:
            with pytest.raises(Unavailable, match="NOPERM"):
                await calls.close(call, "pbx1")
            assert await calls.live("pbx1") == [call]
        finally:
            ask("ACL", "SETUSER", "default", "+expire")
    await calls.close(call, "pbx1")
    assert await calls.live("pbx1") == []


async def test_what_names_no_key_goes_to_all(cluster: RedisCluster, cluster_link: Link) -> None:
    assert await cluster_link.command("PING") == b"PONG"
    await cluster_link.command("CONFIG", "SET", "slowlog-max-len", "77")
    for node in cluster.nodes:
        with asking(node) as ask:
            assert ask("CONFIG", "GET", "slowlog-max-len")[b"slowlog-max-len"] == b"77"
    replies = await cluster_link.commands([("SET", "a", 1), ("PING",), ("SET", "b", 2), ("GET", "a"), ("GET", "b")])
    assert replies == [b"OK", b"PONG", b"OK", b"1", b"2"]


async def test_every_account_is_found_on_whichever_node_it_is(cluster: RedisCluster, cluster_link: Link) -> None:
    ledger = RedisLedger(cluster_link)
    payers = {f"payer{n}" for n in range(50)}
    await asyncio.gather(*(Desk(ledger, payer).touch() for payer in payers))

    assert {payer async for payer in ledger.payers()} == payers


def test_the_key_of_a_command_is_where_redis_has_it() -> None:
    assert key_of(("GET", "k")) == "k"
    assert key_of(("EVALSHA", "f00", 2, "k", "l")) == "k"
    assert key_of(("memory", "usage", b"k")) == b"k"
    assert key_of(("PING",)) is None
    assert slot_of("{p:alice}:a") == slot_of(b"{p:alice}:o12") != slot_of("{p:bob}:a")
