"""The store of calls: one body of tests over memory and Redis, and what only Redis can get wrong."""

from __future__ import annotations

import asyncio
import time

import pytest

from ari_app.adapters.redis.calls import DANGLING_MS, RedisCalls
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.ports.calls import Calls, Created, Exists, Fenced, Saved, Stale, StoredCall
from tests.contract.redis_server import RedisServer
from tests.support import until

NOW_MS = int(time.time() * 1000)


async def made(
    calls: Calls, call: str = "c1", *, node: str = "pbx1", users: tuple[str, ...] = ("alice",), at_ms: int = NOW_MS,
    record: bytes = b"{}", events: tuple[bytes, ...] = (),
) -> Created | Exists:  # fmt: skip
    return await calls.create(call, record, node=node, user_ids=users, created_at_ms=at_ms, events=events)


async def test_a_call_is_created_saved_and_loaded(calls: Calls) -> None:
    odd = b'{"a": 1}\n\x00\xff line two'
    assert await made(calls, record=odd) == Created(1)
    assert await calls.load("c1") == StoredCall("c1", 1, 0, "pbx1", NOW_MS, odd)

    assert await calls.save("c1", 1, b"new", [], fence=7) == Saved(2)
    assert await calls.load("c1") == StoredCall("c1", 2, 7, "pbx1", NOW_MS, b"new")
    assert await calls.load("c2") is None


async def test_of_two_calls_with_one_id_the_first_stands(calls: Calls) -> None:
    await made(calls, record=b"first", events=(b"e1",))
    second = await made(calls, record=b"second", node="pbx2", users=("bob",), events=(b"e2",))

    assert isinstance(second, Exists)
    assert (second.record, second.version, second.stored.node) == (b"first", 1, "pbx1")
    assert await calls.events("c1") == [(1, b"e1")]
    assert await calls.live("pbx1") == ["c1"]
    assert await calls.live("pbx2") == []


async def test_a_creation_that_came_second_can_give_back_the_places_that_it_took(calls: Calls) -> None:
    await made(calls)
    await made(calls, node="pbx1", users=("bob",))
    await calls.unlist("c1", user_ids=("bob",))
    assert (await calls.list(user="bob")).call_ids == ()
    assert (await calls.list(user="alice")).call_ids == ("c1",)
    assert await calls.live("pbx1") == ["c1"]
    await calls.unlist("c1", user_ids=(), node="pbx1")
    assert await calls.live("pbx1") == []


async def test_of_many_who_create_one_call_at_once_one_does(calls: Calls) -> None:
    answers = await asyncio.gather(*(made(calls, record=b"%d" % n) for n in range(10)))

    assert [type(answer) for answer in answers].count(Created) == 1
    assert len({answer.record for answer in answers if isinstance(answer, Exists)}) == 1


async def test_who_saves_on_an_old_version_is_told(calls: Calls) -> None:
    await made(calls)
    assert await calls.save("c1", 1, b"mine", [b"e"], fence=1) == Saved(2)

    assert await calls.save("c1", 1, b"other", [b"lost"], fence=1) == Stale(2)
    assert await calls.save("c1", 3, b"future", [], fence=1) == Stale(2)
    assert await calls.save("nobody", 1, b"", [], fence=1) == Stale(0)
    stored = await calls.load("c1")
    assert stored is not None
    assert stored.record == b"mine"
    assert await calls.events("c1") == [(1, b"e")]


async def test_the_very_same_save_asked_again_is_saved_and_its_events_are_told_once(calls: Calls) -> None:
    await made(calls, events=(b"queued",))
    assert await calls.save("c1", 1, b"r\n2", [b"ringing"], fence=5) == Saved(2)

    assert await calls.save("c1", 1, b"r\n2", [b"ringing"], fence=5) == Saved(2)
    assert await calls.events("c1") == [(1, b"queued"), (2, b"ringing")]
    assert await calls.save("c1", 1, b"r\n2", [b"ringing"], fence=6) == Stale(2)


async def test_an_owner_who_was_replaced_can_save_no_more(calls: Calls) -> None:
    await made(calls)
    assert await calls.save("c1", 1, b"old owner", [], fence=3) == Saved(2)
    assert await calls.save("c1", 2, b"new owner", [], fence=4) == Saved(3)

    assert await calls.save("c1", 3, b"old owner again", [b"e"], fence=3) == Fenced(4)
    stored = await calls.load("c1")
    assert stored is not None
    assert (stored.record, stored.fence) == (b"new owner", 4)
    assert await calls.events("c1") == []


async def test_events_have_numbers_without_gaps_and_are_read_from_any_number(calls: Calls) -> None:
    await made(calls, events=(b"a", b"b"))
    await calls.save("c1", 1, b"", [b"c"], fence=1)
    await calls.save("c1", 2, b"", [b"d", b"e"], fence=1)

    assert await calls.events("c1") == [(1, b"a"), (2, b"b"), (3, b"c"), (4, b"d"), (5, b"e")]
    assert await calls.events("c1", after=3) == [(4, b"d"), (5, b"e")]
    assert await calls.events("c1", after=5) == await calls.events("c1", after=2**70) == []
    assert await calls.events("c2") == []


async def test_live_calls_are_those_of_the_node_that_are_not_closed(calls: Calls) -> None:
    await made(calls, "c1")
    await made(calls, "c2")
    await made(calls, "c3", node="pbx2")
    await calls.close("c1", "pbx1")
    await calls.close("c1", "pbx1")

    assert await calls.live("pbx1") == ["c2"]
    assert await calls.live("pbx2") == ["c3"]
    assert await calls.live("pbx3") == []
    assert await calls.load("c1") is not None


async def test_many_calls_are_loaded_in_the_order_asked_for(calls: Calls) -> None:
    for n in range(3):
        await made(calls, f"c{n}", record=b"%d" % n)

    found = await calls.load_many(["c2", "nobody", "c0"])
    assert [one and one.record for one in found] == [b"2", None, b"0"]
    assert await calls.load_many([]) == []


async def test_calls_are_listed_newest_first_by_user_and_time_page_by_page(calls: Calls) -> None:
    for n in range(5):  # two in the same millisecond
        await made(calls, f"c{n}", at_ms=NOW_MS + n // 2, users=("alice", "bob") if n % 2 else ("alice",))

    everything = await calls.list()
    assert everything.call_ids == ("c4", "c3", "c2", "c1", "c0")
    assert everything.next_cursor is None
    assert (await calls.list(user="bob")).call_ids == ("c3", "c1")
    assert (await calls.list(user="carol")).call_ids == ()
    assert (await calls.list(since_ms=NOW_MS + 1)).call_ids == ("c4", "c3", "c2")

    for limit in (1, 2, 3):
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor is not None:
            page = await calls.list(user="alice", cursor=cursor, limit=limit)
            assert len(page.call_ids) <= limit
            found += page.call_ids
            cursor, pages = page.next_cursor, pages + 1
        assert found == ["c4", "c3", "c2", "c1", "c0"]
    with pytest.raises(CallerError, match="cursor"):
        await calls.list(cursor="yesterday")


async def test_a_tenant_has_a_list_of_its_own_calls(calls: Calls) -> None:
    for n, tenant in enumerate(("acme", "beta", "", "acme", "acme")):
        await calls.create(
            f"c{n}", b"{}", node="pbx1", user_ids=(f"demo@{tenant}",), created_at_ms=NOW_MS + n, events=[],
            tenant=tenant,
        )  # fmt: skip
    assert (await calls.list()).call_ids == ("c4", "c3", "c2", "c1", "c0")
    first = await calls.list(tenant="acme", limit=2)
    assert first.call_ids == ("c4", "c3")
    assert (await calls.list(tenant="acme", limit=2, cursor=first.next_cursor)).call_ids == ("c0",)
    assert (await calls.list(tenant="acme", since_ms=NOW_MS + 1, until_ms=NOW_MS + 4)).call_ids == ("c3",)
    assert (await calls.list(tenant="beta")).call_ids == ("c1",)
    assert (await calls.list(tenant="nobody")).call_ids == ()

    await calls.unlist("c1", user_ids=(), tenant="beta")
    assert (await calls.list(tenant="beta")).call_ids == ()
    assert (await calls.list()).call_ids == ("c4", "c3", "c2", "c1", "c0")


async def test_new_calls_do_not_disturb_a_page_that_is_being_turned(calls: Calls) -> None:
    for n in range(4):
        await made(calls, f"c{n}", at_ms=NOW_MS + n)
    first = await calls.list(limit=2)
    await made(calls, "c9", at_ms=NOW_MS + 9)

    assert (await calls.list(limit=2, cursor=first.next_cursor)).call_ids == ("c1", "c0")


async def test_the_last_sign_of_life_of_a_node_is_kept(calls: Calls) -> None:
    assert await calls.alive("pbx1") is None
    await calls.mark_alive("pbx1", NOW_MS)
    await calls.mark_alive("pbx1", NOW_MS + 5)
    assert await calls.alive("pbx1") == NOW_MS + 5


# ---- only Redis -----------------------------------------------------------------------------------------------------


async def test_a_closed_call_goes_with_its_events_after_its_time(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls, events=(b"a",))
    await calls.close("c1", "pbx1", retention_s=100)

    for key in ("{c:c1}:r", "{c:c1}:e"):
        assert 0 < await any_link.command("TTL", key) <= 100
    await calls.save("c1", 1, b"late", [b"b"], fence=1)
    for key in ("{c:c1}:r", "{c:c1}:e"):
        assert 0 < await any_link.command("TTL", key) <= 100, "a late save does not keep it for ever"


async def test_events_that_come_only_after_the_closing_go_too(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls)
    await calls.close("c1", "pbx1", retention_s=100)
    await calls.save("c1", 1, b"late", [b"a"], fence=1)

    assert 0 < await any_link.command("TTL", "{c:c1}:e") <= 100


async def test_a_place_in_a_list_without_a_record_is_left_out_and_cleared_away_when_old(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls, "c1")
    old_ms = NOW_MS - DANGLING_MS - 60_000
    await any_link.commands([("ZADD", "calls:all", NOW_MS, "young"), ("ZADD", "calls:all", old_ms, "old")])

    assert (await calls.list()).call_ids == ("c1",)
    assert await any_link.command("ZRANGE", "calls:all", 0, -1) == [b"c1", b"young"]


async def test_a_live_place_without_a_record_is_told_so_that_its_owner_can_close_it(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await any_link.command("SADD", "{n:pbx1}:live", "lost")

    assert await calls.live("pbx1") == ["lost"]
    await calls.close("lost", "pbx1")
    assert await calls.live("pbx1") == []


async def test_a_call_of_another_node_in_our_live_set_is_not_ours(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls, "c1", node="pbx2")
    await any_link.command("SADD", "{n:pbx1}:live", "c1")  # a crash between its two writes left it

    assert await calls.live("pbx1") == []


@pytest.mark.parametrize(
    "damaged", [b"", b"\xff\xfe", b"1 7 pbx1 9", b"one 7 pbx1 9\n{}", b"1 7 pbx1 9 9\n{}", b"-1 7 pbx1 9\n{}"]
)
async def test_a_damaged_record_hides_no_other_call(any_link: Link, damaged: bytes) -> None:
    calls = RedisCalls(any_link)
    for call in ("c1", "c2"):
        await made(calls, call)
    await any_link.command("SET", "{c:c1}:r", damaged)

    assert sorted(await calls.live("pbx1")) == ["c1", "c2"]
    broken, whole = await calls.load_many(["c1", "c2"])
    assert broken is not None
    assert (broken.node, broken.record) == ("", b"")
    assert whole is not None
    assert whole.node == "pbx1"


async def test_who_knows_a_call_whose_record_is_damaged_writes_it_anew(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls)
    await calls.save("c1", 1, b"newer", [b"rang"], 0)
    whole = await calls.load("c1")
    assert isinstance(await made(calls, record=b"known"), Exists)
    await any_link.command("SET", "{c:c1}:r", b"2 0 pbx1 17")  # cut off in its head

    assert await calls.save("c1", 2, b"newest", [], 0) == Stale(0)
    assert await made(calls, record=b"known") == Created(1)
    assert await calls.load("c1") == StoredCall("c1", 1, 0, "pbx1", NOW_MS, b"known") != whole
    assert [event for _, event in await calls.events("c1")] == [b"rang"]


@pytest.mark.parametrize("mark", [b"", b"-5", b"soon", b"\xff"])
async def test_a_damaged_sign_of_life_is_none(any_link: Link, mark: bytes) -> None:
    await any_link.command("SET", "{n:pbx1}:alive", mark)
    assert await RedisCalls(any_link).alive("pbx1") is None


async def test_wherever_the_creation_of_a_call_is_cut_off_no_record_is_left_that_nobody_finds(
    redis_server: RedisServer, link: Link
) -> None:
    """The connection is lost after any number of bytes."""
    calls, broken_off, recorded = RedisCalls(link), 0, 0
    unsure = Link(redis_server.url)
    await unsure.start()
    for n in range(100):
        call = f"c{n:02}"
        await until(lambda: unsure.is_up, what="the link comes back")
        lose_the_connection_after(n * 8, unsure)
        try:
            await made(RedisCalls(unsure), call)
        except Unavailable:
            broken_off += 1
        if await calls.load(call) is not None:
            assert call in await calls.live("pbx1")
            assert call in (await calls.list(user="alice", limit=1000)).call_ids
            assert call in (await calls.list(limit=1000)).call_ids
            recorded += 1
    await unsure.close()
    assert broken_off > 20
    assert recorded > 20


def lose_the_connection_after(length: int, link: Link) -> None:
    """Only the first `length` bytes of what is sent next arrive."""
    wire = link.masters[0].main._wire
    assert wire is not None
    transport = wire._transport
    assert transport is not None

    class Cut:
        def write(self, data: bytes) -> None:
            transport.write(data[:length])
            transport.close()

        def abort(self) -> None:
            transport.abort()

    wire._transport = Cut()  # type: ignore[assignment]


async def test_the_list_of_all_calls_is_trimmed(any_link: Link) -> None:
    calls = RedisCalls(any_link, retention_s=1000)
    await any_link.command("ZADD", "calls:all", NOW_MS - 200_000_000, "ancient")
    for n in range(64):
        await calls.close(f"c{n}", "pbx1")

    await until(lambda: _is_empty(any_link), what="the ancient call is gone from the list")


async def test_the_list_of_a_user_is_trimmed_when_he_calls_again(any_link: Link) -> None:
    calls = RedisCalls(any_link, retention_s=1000)
    kept_ms = (1000 + 86_400) * 1000
    await made(calls, "ancient", at_ms=NOW_MS - kept_ms - 1)
    await made(calls, "old", at_ms=NOW_MS - kept_ms + 1)
    await made(calls, "new", at_ms=NOW_MS)

    assert await any_link.command("ZRANGE", "{u:alice}:calls", 0, -1) == [b"old", b"new"]


async def _is_empty(link: Link) -> bool:
    return bool(await link.command("ZCARD", "calls:all") == 0)
