"""Outbox and feed over memory, Redis and a cluster: what was hinted at comes, is put once and in order, and whoever
reads on from his place misses nothing without being told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.adapters.memory_feed import MemoryFeed, MemoryOutbox
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.domain.errors import CallerError
from ari_app.ports.calls import Calls
from ari_app.ports.feed import START, Feed, News, Outbox, Source, Upto
from tests.support import until

C1, C2 = Source("call", "c1"), Source("call", "c2")


@dataclass
class Store:
    outbox: Outbox
    feed: Feed
    calls: Calls


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        feed = MemoryFeed()
        outbox = MemoryOutbox(feed)
        return Store(outbox, feed, MemoryCalls(outbox=outbox))
    link = request.getfixturevalue("cluster_link" if request.param == "cluster" else "link")
    on_redis = RedisOutbox(link)
    return Store(on_redis, RedisFeed(link), RedisCalls(link, outbox=on_redis))


def news(source: Source, seq: int, type: str = "call.ringing_caller", tenant: str = "acme") -> News:
    return News(source, seq, tenant, type, 1_800_000_000_000 + seq)


async def put(store: Store, source: Source, seqs: range, after: Upto | None = None) -> Upto:
    told = [news(source, seq) for seq in seqs]
    assert await store.outbox.publish([(source, after or Upto(), told)]) == [True]
    return Upto(told[-1].seq, told[-1].mark)


async def taken(store: Store) -> set[Source]:
    return set(await store.outbox.take(100))


async def test_a_hint_comes_once_and_again_after_a_death(store: Store) -> None:
    await store.outbox.hint([C1, C2, C1])
    assert await taken(store) == {C1, C2}
    assert await taken(store) == set()
    await store.outbox.relayed([C2])
    await store.outbox.begin_again()  # whoever had C1 died
    assert await store.outbox.waiting() == 1
    assert await taken(store) == {C1}


async def test_hinted_at_while_it_is_under_way_it_comes_again(store: Store) -> None:
    await store.outbox.hint([C1])
    await taken(store)
    await store.outbox.hint([C1])
    await store.outbox.relayed([C1])
    assert await taken(store) == {C1}


async def test_what_is_put_is_read_in_order_and_whole(store: Store) -> None:
    upto = await put(store, C1, range(1, 4))
    await put(store, C2, range(1, 2))
    await put(store, C1, range(4, 5), upto)
    page = await store.feed.read(START, 100)
    assert [entry.news for entry in page.entries if entry.news.source == C1] == [news(C1, seq) for seq in range(1, 5)]
    assert len(page.entries) == 5
    assert (page.upto, page.is_gap) == (await store.feed.last(), False)
    first = await store.feed.read(START, 2)
    rest = await store.feed.read(first.upto, 100)
    assert [*first.entries, *rest.entries] == list(page.entries)


async def test_of_two_who_put_the_same_one_does(store: Store) -> None:
    each = [(C1, Upto(), [news(C1, 1)]), (C1, Upto(), [news(C1, 1)]), (C2, Upto(3, "00000000"), [news(C2, 4)])]
    assert await store.outbox.publish(each) == [True, False, False]
    assert [entry.news for entry in (await store.feed.read(START, 9)).entries] == [news(C1, 1)]
    assert await store.outbox.upto([C1, C2]) == [Upto(1, news(C1, 1).mark), Upto()]


async def test_nothing_new_leaves_the_place_as_it_is(store: Store) -> None:
    assert await store.feed.last() == START
    await put(store, C1, range(1, 3))
    last = await store.feed.last()
    page = await store.feed.read(last, 9)
    assert (list(page.entries), page.upto, page.is_gap) == ([], last, False)


async def test_who_waits_is_told_at_once(store: Store) -> None:
    waiting = asyncio.create_task(store.feed.wait(START, 9, 5_000))
    await asyncio.sleep(0)
    await put(store, C1, range(1, 2))
    async with asyncio.timeout(3):
        assert [entry.news for entry in (await waiting).entries] == [news(C1, 1)]
    last = await store.feed.last()
    assert not (await store.feed.wait(last, 9, 30)).entries
    await close(store)


async def close(store: Store) -> None:
    if isinstance(store.feed, RedisFeed):
        await store.feed.close()


async def test_what_is_cut_off_is_a_gap_for_who_did_not_read_it(store: Store) -> None:
    await put(store, C1, range(1, 11))
    all_ = [entry.place for entry in (await store.feed.read(START, 99)).entries]
    while await store.outbox.trim(0, 4):
        pass
    for place, is_gap in ((START, True), (all_[4], True), (all_[5], False), (all_[7], False)):
        page = await store.feed.read(place, 99)
        assert (page.is_gap, len(page.entries)) == (is_gap, min(4, 9 - all_.index(place)) if place in all_ else 4)


async def test_who_had_read_all_misses_nothing_when_all_is_cut_off(store: Store) -> None:
    await put(store, C1, range(1, 11))
    last = await store.feed.last()
    while await store.outbox.trim(2**45, 100):
        pass
    assert await store.feed.last() == last
    assert not (await store.feed.read(last, 9)).is_gap
    page = await store.feed.read(START, 9)
    assert (page.is_gap, page.upto) == (True, last)


async def test_a_place_by_time_leaves_out_what_was_there_before(store: Store) -> None:
    upto = await put(store, C1, range(1, 3))
    last_ms = int((await store.feed.last()).partition("-")[0])

    async def is_later() -> bool:
        await put(store, C2, range(1, 2)) if await store.outbox.upto([C2]) == [Upto()] else None
        return int((await store.feed.last()).partition("-")[0]) > last_ms

    await asyncio.sleep(0.002)
    await until(is_later, 2)
    page = await store.feed.read(await store.feed.place_at(last_ms + 1), 9)
    assert [entry.news.source for entry in page.entries] == [C2]
    assert len((await store.feed.read(await store.feed.place_at(0), 9)).entries) == 3
    assert upto.seq == 2


@pytest.mark.parametrize("bad", ["", "x", "1-x", "-1", "1-2-3", "9" * 30, "(1"])
async def test_a_place_that_was_not_given_out_is_refused(store: Store, bad: str) -> None:
    with pytest.raises(CallerError):
        await store.feed.read(bad, 9)


# ---- who hints ----------------------------------------------------------------------------------------------------


async def made(store: Store, events: tuple[bytes, ...] = (b"{}",)) -> None:
    await store.calls.create("c1", b"r1", node="n", user_ids=[], created_at_ms=1, events=events)


async def is_hinted(store: Store) -> bool:
    return await taken(store) == {C1}


async def test_a_new_call_and_each_save_with_events_are_hinted_at(store: Store) -> None:
    await made(store)
    await until(lambda: is_hinted(store), 2)
    await store.calls.save("c1", 1, b"r2", [b"{}"], 0)
    await until(lambda: is_hinted(store), 2)
    await store.calls.save("c1", 2, b"r3", [], 0)  # nothing new, nobody new
    await asyncio.sleep(0.01)
    assert not await taken(store)


async def test_a_save_asked_again_hints_again_as_its_first_owner_may_have_died(store: Store) -> None:
    await made(store)
    await until(lambda: is_hinted(store), 2)
    for _ in range(2):
        await store.calls.save("c1", 1, b"r2", [b"{}"], 0)
        await until(lambda: is_hinted(store), 2)


async def test_a_new_owner_hints_at_what_the_one_before_may_not_have(store: Store) -> None:
    await made(store)
    await until(lambda: is_hinted(store), 2)
    await store.calls.save("c1", 1, b"r1", [], 7)
    await until(lambda: is_hinted(store), 2)


async def test_a_call_is_hinted_at_before_nobody_takes_it_up_any_more(store: Store) -> None:
    await made(store)
    await until(lambda: is_hinted(store), 2)
    await store.calls.close("c1", "n")
    assert await taken(store) == {C1}


def test_the_id_is_the_same_for_the_same_event_and_another_for_another_of_that_number() -> None:
    one = news(C1, 5)
    other = News(C1, 5, "acme", "call.ended", one.at_ms)
    assert one.id == news(C1, 5).id
    assert one.id.startswith("evt_c1_5_")
    assert len({a.id for a in (one, other, news(C1, 6))}) == 3
