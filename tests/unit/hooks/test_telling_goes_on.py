"""What must not bring the telling of events to a stand: a process that wakes too late, a clock that is set, many slow
receivers, an event that cannot be read, and steady load."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ari_app.adapters.memory_feed import MemoryFeed
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.domain.errors import Unavailable
from ari_app.hooks.couriers import CourierRules, Couriers, Means
from ari_app.hooks.intake import Intake
from ari_app.hooks.relay import FeedRules, Relay
from ari_app.hooks.watching import Watching
from ari_app.ports.feed import News, Page, Source
from ari_app.ports.sender import Answer
from ari_app.ports.webhooks import Webhook
from tests.laws.virtual_time import VirtualLoop, run
from tests.unit.hooks import telling_world
from tests.unit.hooks.telling_world import Receivers, World

Story = Callable[[World], Coroutine[Any, Any, None]]


def lived(story: Story) -> None:
    loop = VirtualLoop()
    run(loop, story(World(loop)))


# ---- couriers -----------------------------------------------------------------------------------------------------


def test_slow_receivers_that_take_all_places_keep_none_from_a_quick_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has one place that is its own."""
    monkeypatch.setattr(telling_world, "RULES", replace(telling_world.RULES, at_once=4))

    class Slow(Receivers):
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            if "slow" in url:
                await asyncio.sleep(9)
            return await super().post(url, body, headers)

    async def story(world: World) -> None:
        world.receivers = Slow(world)
        for n in range(4):
            await world.hook(f"slow{n}", "acme")
        quick = await world.hook("quick", "other")
        world.start()
        for n in range(400):
            await world.happen(f"a{n}", "acme")
        await asyncio.sleep(60)  # they have taken several at once by now
        began_s = world.loop.time()
        for n in range(20):
            await world.happen(f"o{n}", "other")
        await asyncio.sleep(3)
        assert len(world.took(quick)) == 20
        assert max(at for at, _ in world.receivers.got[quick]) < began_s + 3

    lived(story)


def test_a_place_that_all_share_is_given_back_whenever_its_courier_dies() -> None:
    async def story(world: World) -> None:
        shared = asyncio.Semaphore(5)
        means = Means(
            world.webhooks, telling_world.KeptStories(world.calls, world.notices), world.receivers,
            telling_world.signed, CourierRules(), world.loop.now_ms, lambda: True, None, shared,
        )  # fmt: skip
        await world.hook("all")
        for n in range(40):
            await world.happen(f"c{n}")
        news = [News(Source("call", f"c{n}"), 1, "", "call.queued", world.loop.now_ms()) for n in range(40)]
        await world.webhooks.take_in("all", "0", "1-0", news, world.loop.now_ms())
        couriers = Couriers(means)
        couriers.serve(await world.webhooks.all())
        turns = 0
        while not shared.locked():  # all are taken at this moment, some by such as have not been begun
            await asyncio.sleep(0)
            turns += 1
            if turns % 50 == 0:
                await asyncio.sleep(0.01)
        couriers.close()
        await asyncio.sleep(1)
        for _ in range(5):
            assert not shared.locked()
            await shared.acquire()

    lived(story)


def test_one_that_was_gone_at_its_old_address_is_not_paused_at_its_new_one() -> None:
    class Gone(Receivers):
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            if "old" in url:
                await asyncio.sleep(5)
                return Answer(410)
            return await super().post(url, body, headers)

    async def story(world: World) -> None:
        world.receivers = Gone(world)
        await world.hook("old")
        world.start()
        await world.happen("c1")
        await asyncio.sleep(3)  # it is being asked
        was = await world.webhooks.find("old")
        assert was is not None
        await world.webhooks.change(replace(was, url="https://new.example"))
        await world.until_told({"https://new.example": ""})
        world.judge("https://new.example", "")
        kept = await world.webhooks.find("old")
        assert kept is not None
        assert not kept.is_paused

    lived(story)


def test_what_comes_while_the_last_of_several_is_under_way_does_not_wait() -> None:
    """One has failed meanwhile, so that there was no room to look for it."""

    class Mixed(Receivers):
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            if b'"call":"long"' in body:
                await asyncio.sleep(8)
            elif b'"call":"bad"' in body:
                await asyncio.sleep(2)
                return Answer(500)
            return await super().post(url, body, headers)

    async def story(world: World) -> None:
        world.receivers = Mixed(world)
        url = await world.hook("mixed")
        world.start()
        for n in range(8):
            await world.happen(f"first{n}")
        await asyncio.sleep(5)
        await world.happen("long")
        await world.happen("bad")
        await asyncio.sleep(4)
        await world.happen("next")
        await asyncio.sleep(8)
        assert {"long", "next"} <= world.took(url).keys()

    lived(story)


def test_a_clock_that_is_set_back_keeps_nobody_waiting() -> None:
    async def story(world: World) -> None:
        url = await world.hook("ill")
        hour_ms = 3_600_000
        clock = [hour_ms]
        real = world.loop.now_ms
        world.loop.now_ms = lambda: real() + clock[0]  # type: ignore[method-assign]  # set an hour ahead
        world.receivers.ill[url] = 1.0
        world.start()
        for n in range(5):
            await world.happen(f"c{n}")
        await asyncio.sleep(30)
        clock[0] = 0
        world.receivers.ill = {}
        began_s = world.loop.time()
        await asyncio.sleep(120)
        assert len(world.took(url)) == 5, world.loop.time() - began_s

    lived(story)


def test_one_put_right_is_told_to_be_asked_again() -> None:
    """Whoever watches does not take it for rested for ever."""

    class Told:
        def __init__(self) -> None:
            self.rest: dict[str, bool] = {}

        def attempted(self, attempt: object) -> None: ...

        def rested(self, id: str, is_rested: bool) -> None:
            self.rest[id] = is_rested

    async def story(world: World) -> None:
        url = await world.hook("ill")
        hook = await world.webhooks.find("ill")
        assert hook is not None
        world.receivers.ill[url] = 2.0
        told = Told()
        means = Means(
            world.webhooks, telling_world.KeptStories(world.calls, world.notices), world.receivers,
            telling_world.signed, CourierRules(), world.loop.now_ms, lambda: True, told, asyncio.Semaphore(9),
        )  # fmt: skip
        couriers = Couriers(means)
        couriers.serve([hook])
        for n in range(5):
            source = Source("call", f"c{n}")
            await world.happen(f"c{n}")
            place = await world.webhooks.place("ill")
            assert place is not None
            news = News(source, 1, "", "call.queued", world.loop.now_ms())
            await world.webhooks.take_in("ill", place, f"{n + 1}-0", [news], world.loop.now_ms())
        couriers.wake_all()
        await asyncio.sleep(60)
        assert told.rest == {"ill": True}
        couriers.serve([replace(hook, url="https://well.example")])
        await asyncio.sleep(1)
        assert told.rest == {"ill": False}
        couriers.close()

    lived(story)


# ---- relay and intake ---------------------------------------------------------------------------------------------


def test_the_feed_is_cut_under_steady_load_too() -> None:
    async def story(world: World) -> None:
        relay = Relay(
            world.outbox, telling_world.Sources(world.calls, world.notices), FeedRules(10**12, 50),
            now_ms=world.loop.now_ms,
        )  # fmt: skip
        real = relay.turn

        async def busy() -> int:
            n = world.rng.randrange(10**9)
            await world.happen(f"c{n}")
            await asyncio.sleep(0.1)
            return await real()

        relay.turn = busy  # type: ignore[method-assign]  # there is always something
        task = asyncio.create_task(relay.run())
        await asyncio.sleep(60)
        assert len((await world.feed.read("0", 10_000)).entries) < 200
        task.cancel()

    lived(story)


def test_what_one_that_woke_too_late_had_taken_is_told_by_the_next() -> None:
    """It took some after the next one had begun, and died."""

    async def story(world: World) -> None:
        url = await world.hook("all")
        world.start()
        await asyncio.sleep(1)
        await world.happen("c1")
        assert await world.outbox.take(10) == [Source("call", "c1")]
        await asyncio.sleep(30)
        world.judge(url, "")

    lived(story)


def test_what_was_not_taken_up_is_not_cut_off_for_its_age() -> None:
    """All processes were away for longer than the feed is kept."""

    async def story(world: World) -> None:
        url = await world.hook("all")
        for n in range(700):
            await world.happen(f"c{n}")
        relay = Relay(
            world.outbox, telling_world.Sources(world.calls, world.notices), FeedRules(), now_ms=world.loop.now_ms
        )
        while await relay.turn():
            pass
        await asyncio.sleep(3 * 86_400)
        world.start(FeedRules())
        await world.until_told({url: ""})
        world.judge(url, "")
        await world.happen("later")
        await asyncio.sleep(20)
        assert len((await world.feed.read("0", 10_000)).entries) == 1, "and when it was, it is"

    lived(story)


def test_an_event_that_cannot_be_read_keeps_no_other() -> None:
    async def story(world: World) -> None:
        url = await world.hook("all")
        world.start()
        await world.calls.create("broken", b"", node="n", user_ids=[], created_at_ms=1, events=[b"no JSON"])
        await world.happen("c1")
        await asyncio.sleep(10)
        assert world.took(url) == {"c1": [1]}
        good = await world.calls.events("c1")
        await world.calls.save("broken", 1, b"", [good[0][1]], 0)  # what comes behind it is told
        await asyncio.sleep(10)
        assert len(world.receivers.got[url]) == 2

    lived(story)


def test_a_notice_that_cannot_be_read_keeps_no_other() -> None:
    async def story(world: World) -> None:
        url = await world.hook("all")

        async def events(_notice: str, after: int = 0) -> Any:
            return [(1, msgspec.json.decode(b"no JSON"))][after:]

        world.notices.events = events  # type: ignore[method-assign]  # as the store reads what is damaged there
        world.start()
        world.outbox.soon(Source("notice", "n1"))
        await world.happen("c1")
        await asyncio.sleep(10)
        assert world.took(url) == {"c1": [1]}
        assert await world.outbox.waiting() == 0

    lived(story)


def test_who_looks_on_is_told_what_comes_after_a_fault() -> None:
    async def story(world: World) -> None:
        faults = [ValueError("a fault")]

        class Stories:
            async def tell(self, news: Sequence[News]) -> Sequence[bytes | None]:
                if faults:
                    raise faults.pop()
                return [one.id.encode() for one in news]

        feed = world.feed
        watching = Watching(feed, Stories(), telling_world.Sources(world.calls, world.notices).news_of)
        task = asyncio.create_task(watching.run())
        watcher = await watching.everything("")
        await watcher.next(1)
        feed.put([News(Source("call", "c1"), 1, "", "call.queued", 1)])
        told: list[str] = []
        for _ in range(10):
            told += [one.news.source.id for one in (await watcher.next(1)).told]
        assert told == ["c1"]
        assert not faults
        assert not task.done()
        watcher.leave()
        task.cancel()

    lived(story)


def test_who_watches_one_call_is_told_of_its_end_though_the_store_lost_some() -> None:
    """Under the number of something that was told before, and is not known any more."""

    def at(seq: int, what: str, at_ms: int) -> News:
        return News(Source("call", "c1"), seq, "", f"call.{what}", at_ms)

    async def story(world: World) -> None:
        kept = [at(1, "queued", 1), at(2, "talking", 2), at(3, "leg_silent", 3)]

        async def listing(_source: Source, after: int) -> list[News]:
            return kept[after:]

        class Stories:
            async def tell(self, news: Sequence[News]) -> Sequence[bytes | None]:
                return [one.id.encode() for one in news]

        watching = Watching(world.feed, Stories(), listing)
        task = asyncio.create_task(watching.run())
        watcher = watching.one(Source("call", "c1"))
        told: list[str] = []

        async def look(times: int) -> None:
            for _ in range(times):
                told.extend(one.news.type for one in (await watcher.next(1)).told)

        await look(3)
        assert told == ["call.queued", "call.talking", "call.leg_silent"]
        del kept[2]
        await look(3)
        kept.append(at(3, "ended", 9))
        world.feed.put([kept[-1]])
        await look(4)
        kept.append(at(4, "later", 10))
        await look(4)
        assert told[3:] == ["call.ended", "call.later"]
        watcher.leave()
        task.cancel()

    lived(story)


def test_a_hint_outlives_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.adapters.redis.outbox.AGAIN_MAX_S", 0.01)

    class BadLink:
        def __init__(self) -> None:
            self.said: list[tuple[object, ...]] = []

        async def command(self, *args: object) -> int:
            self.said.append(args)
            if len(self.said) == 1:
                raise RuntimeError("a fault")
            return 1

    async def story(world: World) -> None:
        link: Any = BadLink()
        outbox = RedisOutbox(link)
        outbox.soon(Source("call", "c1"))
        await asyncio.sleep(1)
        assert link.said == [("SADD", "{ev}:dirty", "call:c1")] * 2

    lived(story)


def test_a_webhook_whose_store_is_away_is_asked_now_and_then() -> None:
    """However much waits in the feed for it."""

    async def story(world: World) -> None:
        asked = 0

        class Away:
            def __getattr__(self, name: str) -> Any:
                return getattr(world.webhooks, name)

            async def take_in(self, *_args: object) -> bool:
                nonlocal asked
                asked += 1
                if asked > 1_000:
                    raise ValueError("enough: it would go on for ever")
                raise Unavailable("away")

        await world.hook("all")
        feed = MemoryFeed(world.loop.now_ms)
        feed.put([News(Source("call", f"c{n}"), 1, "", "call.queued", 1) for n in range(1_200)])
        away: Any = Away()

        def changed(_hooks: Sequence[Webhook]) -> None: ...

        intake = Intake(feed, away, now_ms=world.loop.now_ms, changed=changed, taken=lambda _id: None)
        task = asyncio.create_task(intake.run())
        await asyncio.sleep(20)
        assert 0 < asked <= 50
        task.cancel()

    lived(story)


def test_after_the_store_was_away_the_places_are_asked_anew() -> None:
    """They went back with the feed: what is there now under places that were read before is taken up."""

    async def story(world: World) -> None:
        is_away = False

        class Feed:
            async def read(self, after: str, most: int) -> Page:
                if is_away:
                    raise Unavailable("away")
                return await feed.read(after, most)

        await world.hook("all")
        feed = MemoryFeed(lambda: 5_000)
        feed.put([News(Source("notice", "n1"), 1, "", "notice.created", 1)])
        store: Any = Feed()
        taken: list[str] = []
        intake = Intake(
            store, world.webhooks, now_ms=world.loop.now_ms, changed=lambda _hooks: None, taken=taken.append
        )
        task = asyncio.create_task(intake.run())
        await asyncio.sleep(3)
        assert taken == ["all"]
        is_away = True
        await asyncio.sleep(3)
        feed = MemoryFeed(lambda: 4_000)  # another clock, and the last second is gone, also of the webhook's place
        feed.put([News(Source("notice", "n2"), 1, "", "notice.created", 1)])
        world.webhooks._kept["all"].place = "0"
        is_away = False
        await asyncio.sleep(3)
        found = await world.webhooks.due("all", world.loop.now_ms(), 10)
        assert {one.news.source.id for one in found.heads} == {"n1", "n2"}
        task.cancel()

    lived(story)
