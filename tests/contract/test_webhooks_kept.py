"""Webhooks over memory, Redis and a cluster: what waits is given out in the order of its call, is there until it was
taken or given up, and is never there twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ari_app.adapters.memory_webhooks import MemoryWebhooks
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.webhooks import ALL, RedisWebhooks
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.ports.feed import START, News, Source
from ari_app.ports.webhooks import DEAD_KEPT_MS, Attempt, Due, Outcome, Secret, Standing, Webhook, Webhooks

A, B = Source("call", "a"), Source("call", "b")
AB = Source("call", "a-b")  # begins as another one does
HOOK = Webhook("w1", "acme", "https://example.com/x", ("call.*",), (Secret("whsec_eA=="),), 5)
NOW = 1_800_000_000_000


@pytest.fixture(params=["memory", "redis", "cluster"])
def make(request: pytest.FixtureRequest) -> Callable[..., Webhooks]:
    if request.param == "memory":
        return MemoryWebhooks
    link = request.getfixturevalue("cluster_link" if request.param == "cluster" else "link")
    return lambda **limits: RedisWebhooks(link, **limits)


@pytest.fixture
def store(make: Callable[..., Webhooks]) -> Webhooks:
    return make()


def news(source: Source, seq: int, at_ms: int = NOW) -> News:
    return News(source, seq, "acme", "call.talking", at_ms)


async def taken_in(store: Webhooks, *what: News, at_ms: int = NOW) -> None:
    await store.add(HOOK, START)
    place = await store.place("w1")
    assert place is not None
    upto = f"{int(place.partition('-')[0]) + 1}-0"
    assert await store.take_in("w1", place, upto, what, at_ms)
    assert await store.place("w1") == upto


async def due(store: Webhooks, at_ms: int = NOW, most: int = 10, *but: Source) -> list[tuple[str, int]]:
    found = await store.due("w1", at_ms, most, but)
    return [(one.news.source.id, one.news.seq) for one in found.heads]


def attempt(what: News, outcome: Outcome = "delivered", n: int = 1, again_ms: int | None = None) -> Attempt:
    return Attempt(what, NOW + n, outcome, n, 200 if outcome == "delivered" else 500, "", 7, again_ms)


# ---- the webhooks themselves --------------------------------------------------------------------------------------


async def test_one_is_kept_changed_and_deleted_and_each_change_is_seen(store: Webhooks) -> None:
    seen = [await store.revision()]
    assert await store.add(HOOK, "7-1")
    seen.append(await store.revision())
    assert await store.add(replace(HOOK, url="https://other"), "9-9")  # asked again, it is there as it was
    assert (await store.find("w1"), await store.place("w1")) == (HOOK, "7-1")
    paused = replace(HOOK, is_paused=True)
    assert await store.change(paused)
    seen.append(await store.revision())
    assert await store.all() == [paused]
    assert await store.delete("w1") == paused
    seen.append(await store.revision())
    assert await store.delete("w1") is None
    assert (await store.find("w1"), await store.place("w1"), await store.change(HOOK)) == (None, None, False)
    assert seen == sorted(set(seen))


async def test_of_two_who_change_it_the_second_hears_that_it_is_another(store: Webhooks) -> None:
    await store.add(HOOK, START)
    paused, moved = replace(HOOK, is_paused=True), replace(HOOK, url="https://example.com/y")
    assert [await store.change(paused, was=HOOK), await store.change(moved, was=HOOK)] == [True, False]
    assert await store.find("w1") == paused


async def test_a_record_that_an_older_version_wrote_is_changed_like_another(link: Link) -> None:
    """Without a field that came later."""
    store = RedisWebhooks(link)
    await store.add(HOOK, START)
    raw = msgspec.json.decode(await link.command("HGET", ALL, "w1"))
    del raw["why_paused"]
    await link.command("HSET", ALL, "w1", msgspec.json.encode(raw))
    was = await store.find("w1")
    assert was is not None
    assert await store.change(replace(was, is_paused=True), was=was)
    assert await store.find("w1") == replace(HOOK, is_paused=True)


async def test_a_tenant_has_so_many_and_the_others_theirs(store: Webhooks) -> None:
    made = [await store.add(replace(HOOK, id=f"w{n}"), START, most=2) for n in range(3)]
    assert made == [True, True, False]
    assert await store.add(replace(HOOK, id="w9", tenant="other"), START, most=2)
    await store.delete("w0")
    assert await store.add(replace(HOOK, id="w2"), START, most=2)
    assert [one.id for one in await store.all()] == ["w1", "w2", "w9"]


# ---- lanes ----------------------------------------------------------------------------------------------------------


async def test_each_lane_gives_its_first_and_goes_on_when_that_is_taken(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(A, 2), news(AB, 1), news(B, 10), news(B, 9))
    assert sorted(await due(store)) == [("a", 1), ("a-b", 1), ("b", 9)]
    await store.attempted("w1", attempt(news(A, 1)))
    await store.attempted("w1", attempt(news(A, 1)))  # asked again, nothing more goes
    assert ("a", 2) in await due(store, NOW + 1)
    assert sorted(await due(store, NOW + 1, 10, A, AB)) == [("b", 9)]
    assert len(await due(store, NOW + 1, 2)) == 2
    for one in (news(A, 2), news(AB, 1), news(B, 9), news(B, 10)):
        await store.attempted("w1", attempt(one))
    assert await store.due("w1", NOW * 2, 10) == Due([], None)
    assert await store.standing("w1") == Standing(0, None, 0)


async def test_a_place_is_moved_once_and_nothing_is_taken_in_from_another(store: Webhooks) -> None:
    await taken_in(store, news(A, 1))
    assert not await store.take_in("w1", START, "5-0", [news(A, 2)], NOW)
    assert not await store.take_in("nobody", START, "5-0", [news(A, 2)], NOW)
    assert (await store.standing("w1")).waiting == 1


async def test_a_failed_one_waits_and_its_lane_with_it_and_nobody_else(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(B, 1))
    for _ in range(2):  # asked again, it counts once
        await store.attempted("w1", attempt(news(A, 1), "failed", 1, NOW + 500))
    await taken_in(store, news(A, 2), at_ms=NOW + 10)
    found = await store.due("w1", NOW + 20, 10)
    assert ([one.news for one in found.heads], found.next_ms) == ([news(B, 1)], NOW + 500)
    found = await store.due("w1", NOW + 500, 10, [B])
    assert [(one.news, one.tries, one.since_ms) for one in found.heads] == [(news(A, 1), 1, NOW)]
    assert [one.n for one in (await store.deliveries("w1")).attempts] == [1]


async def test_those_due_longest_come_first(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), at_ms=NOW)
    await taken_in(store, news(B, 1), at_ms=NOW - 5)
    assert await due(store, NOW, 1) == [("b", 1)]


async def test_when_the_receiver_is_well_again_all_is_due(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(B, 1))
    for source in (A, B):
        await store.attempted("w1", attempt(news(source, 1), "failed", 1, NOW + 9_000))
    assert not await due(store, NOW + 5)
    await store.hurry("w1", NOW + 5)
    assert sorted(await due(store, NOW + 5)) == [("a", 1), ("b", 1)]


async def test_the_oldest_is_known_as_the_lanes_go_on(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), at_ms=NOW)
    await taken_in(store, news(A, 2), news(B, 1), at_ms=NOW + 100)
    assert await store.standing("w1") == Standing(3, NOW, 0)
    await store.attempted("w1", attempt(news(A, 1)))
    assert await store.standing("w1") == Standing(2, NOW + 100, 0)


async def test_what_was_there_before_goes_before(store: Webhooks) -> None:
    """A replayed event before one that was tried: the tries are the other's."""
    await taken_in(store, news(A, 5))
    await store.attempted("w1", attempt(news(A, 5), "failed", 3, NOW + 50))
    await taken_in(store, news(A, 4), at_ms=NOW + 9)
    (head,) = (await store.due("w1", NOW + 50, 10)).heads
    assert (head.news, head.tries, head.since_ms) == (news(A, 4), 0, NOW + 9)


# ---- given up -------------------------------------------------------------------------------------------------------


async def test_what_is_given_up_is_kept_and_replayed_under_its_id(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(A, 2))
    await store.attempted("w1", attempt(news(A, 1), "dead", 4))
    assert await due(store, NOW + 9) == [("a", 2)]
    assert (await store.standing("w1")).dead == 1
    (dead,) = (await store.deliveries("w1", outcome="dead")).attempts
    assert (dead.news.id, dead.n, dead.status) == (news(A, 1).id, 4, 500)
    assert await store.replay("w1", [news(A, 1), news(A, 2)], NOW + 20) == 1  # the other one waits already
    assert await due(store, NOW + 20) == [("a", 1)]
    assert await store.standing("w1") == Standing(2, NOW + 20, 0)
    assert await store.replay("nobody", [news(A, 1)], NOW) == 0


async def test_what_waits_too_long_is_given_up_untried(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), at_ms=NOW)
    await taken_in(store, news(A, 2), news(B, 1), at_ms=NOW + 100)
    assert await store.give_up("w1", NOW + 50, NOW + 200) == 1
    assert await store.give_up("w1", NOW + 50, NOW + 200) == 0
    assert sorted(await due(store, NOW + 200)) == [("a", 2), ("b", 1)]
    assert await store.standing("w1") == Standing(2, NOW + 100, 1)


async def test_where_too_many_wait_further_ones_are_given_up_at_once(make: Callable[..., Webhooks]) -> None:
    store = make(waiting_max=3)
    await taken_in(store, *(news(A, seq) for seq in range(1, 6)))
    assert await store.standing("w1") == Standing(3, NOW, 2)
    dead = (await store.deliveries("w1", outcome="dead")).attempts
    assert {(one.news.seq, one.why) for one in dead} == {(4, "too many wait"), (5, "too many wait")}


async def test_of_those_that_too_many_were_for_as_many_are_kept_the_newest(make: Callable[..., Webhooks]) -> None:
    store = make(waiting_max=3)
    for seq in range(1, 9):
        await taken_in(store, news(A, seq), at_ms=NOW + seq)
    assert await store.standing("w1") == Standing(3, NOW + 1, 3)
    dead = (await store.deliveries("w1", outcome="dead")).attempts
    assert [one.news.seq for one in dead] == [8, 7, 6]


async def test_what_was_given_up_long_ago_is_not_kept(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(A, 2))
    await store.attempted("w1", replace(attempt(news(A, 1), "dead"), at_ms=NOW))
    await store.attempted("w1", replace(attempt(news(A, 2), "dead"), at_ms=NOW + DEAD_KEPT_MS + 1))
    assert [one.news.seq for one in (await store.deliveries("w1", outcome="dead")).attempts] == [2]


async def test_what_is_forgotten_leaves_and_is_told(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(A, 2))
    await store.attempted("w1", attempt(news(A, 1), "forgotten"))
    assert await due(store, NOW + 9) == [("a", 2)]
    assert [one.outcome for one in (await store.deliveries("w1")).attempts] == ["forgotten"]
    assert (await store.standing("w1")).dead == 0


# ---- the list of deliveries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["delivered", "dead"])
async def test_deliveries_come_newest_first_page_by_page(store: Webhooks, outcome: Outcome) -> None:
    await taken_in(store, *(news(A, seq) for seq in range(1, 8)))
    for seq in range(1, 8):
        await store.attempted("w1", replace(attempt(news(A, seq), outcome), at_ms=NOW + seq))
    seqs: list[int] = []
    cursor: str | None = None
    for _ in range(4):
        page = await store.deliveries("w1", outcome=outcome, cursor=cursor, limit=2)
        seqs += [one.news.seq for one in page.attempts]
        cursor = page.next_cursor
    assert (seqs, cursor) == ([7, 6, 5, 4, 3, 2, 1], None)
    if outcome == "delivered":  # of the log; the dead have cursors of another kind
        assert not (await store.deliveries("w1", cursor="0")).attempts
    assert not (await store.deliveries("w1", outcome="failed")).attempts


@pytest.mark.parametrize("outcome", [None, "dead"])
async def test_a_cursor_that_was_not_given_out_is_refused(store: Webhooks, outcome: Outcome | None) -> None:
    await store.add(HOOK, START)
    with pytest.raises(CallerError):
        await store.deliveries("w1", outcome=outcome, cursor="x")


async def test_with_the_webhook_all_goes(store: Webhooks) -> None:
    await taken_in(store, news(A, 1), news(B, 1))
    await store.attempted("w1", attempt(news(A, 1), "dead"))
    await store.delete("w1")
    await store.attempted("w1", attempt(news(B, 1)))
    assert await store.standing("w1") == Standing()
    assert await store.due("w1", NOW * 2, 9) == Due([], None) or not (await store.due("w1", NOW * 2, 9)).heads
    assert not (await store.deliveries("w1")).attempts


async def test_whoever_dies_while_one_is_deleted_leaves_nothing_that_waits(link: Link) -> None:
    """Its record is gone then, and nobody would ask again."""

    class Dying:
        def __getattr__(self, name: str) -> Any:
            return getattr(link, name)

        async def script(self, name: str, *args: Any) -> Any:
            await link.script(name, *args)
            raise Unavailable("the answer was lost")

    await taken_in(RedisWebhooks(link), news(A, 1), news(B, 1))
    dying: Any = Dying()
    with pytest.raises(Unavailable):
        await RedisWebhooks(dying).delete("w1")
    assert await RedisWebhooks(link).find("w1") is None
    assert await link.command("KEYS", "{w:w1}:*") == [b"{w:w1}:place"]
