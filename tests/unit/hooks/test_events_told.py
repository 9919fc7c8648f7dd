"""Whatever dies and fails on the way: each event reaches each webhook that wants it, at least once, in the order of its
call; and a receiver that is dead costs the others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

from ari_app.hooks import couriers, intake
from ari_app.hooks.relay import Relay
from ari_app.ports.feed import Outbox
from ari_app.ports.sender import Answer
from tests.laws.virtual_time import VirtualLoop, run
from tests.unit.hooks.telling_world import Receivers, World

SEEDS = range(4)


async def story(world: World) -> None:
    """Ten minutes of calls, faults and deaths; then quiet, until all is told or never will be."""
    urls = {await world.hook("all"): "", await world.hook("acme", "acme"): "acme", await world.hook("ill"): ""}
    ill = [url for url in urls if "ill" in url]
    world.start()
    calls = [(f"c{n}", world.rng.choice(("acme", "", "other"))) for n in range(20)]
    for turn in range(80):
        await world.happen(*world.rng.choice(calls))
        await asyncio.sleep(world.rng.choice((0, 0.002, 0.01, 5)))
        if world.rng.random() < 0.1:
            world.receivers.ill = dict.fromkeys(ill, world.rng.choice((0, 0.5, 1.0)))
        if world.rng.random() < 0.15:
            await world.kill()
            world.start()
        if turn == 40:
            urls[await world.hook("late")] = ""
    world.receivers.ill, world.fault = {}, 0
    await world.until_told(urls)
    for url, tenant in urls.items():
        world.judge(url, tenant)


def told(seed: int, prepare: Callable[[World], None] = lambda _world: None) -> None:
    loop = VirtualLoop()
    world = World(loop, seed, fault=0.03)
    prepare(world)
    run(loop, story(world))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_event_comes_in_order_whatever_happens(seed: int) -> None:
    told(seed)


@pytest.mark.soak("a few schedules stand in for them")
@pytest.mark.parametrize("first", range(100, 500, 100))
def test_each_event_comes_in_order_in_many_schedules(first: int) -> None:
    for seed in range(first, first + 100):
        told(seed)


# ---- the law has teeth --------------------------------------------------------------------------------------------


class RelayedTooSoon(Relay):
    """What is under way is forgotten before it is put: a death in between loses it."""

    async def turn(self) -> int:
        outbox = self._outbox

        class Early:
            def __getattr__(self, name: str) -> object:
                return getattr(outbox, name)

            async def take(self, most: int) -> object:
                taken = await outbox.take(most)
                await outbox.relayed(taken)
                return taken

        early: Outbox = Early()  # type: ignore[assignment]  # it has all the others by name
        self._outbox = early
        try:
            return await super().turn()
        finally:
            self._outbox = outbox


def relayed_too_soon(world: World, _patch: pytest.MonkeyPatch) -> None:
    world.relay_type = RelayedTooSoon


def any_answer_is_good(_world: World, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("ari_app.ports.sender.Answer.is_good", property(lambda _self: True))


def the_place_goes_first(_world: World, patch: pytest.MonkeyPatch) -> None:
    """A webhook's place is moved, and then what it wants is put: a death in between loses it."""
    take_in = intake.Intake._take_in

    async def in_two_steps(self: intake.Intake, id: str, news: list[object], upto: str) -> None:
        await take_in(self, id, [], upto)
        if id in self._at:
            await take_in(self, id, news, upto)  # type: ignore[arg-type]  # they are News

    patch.setattr(intake.Intake, "_take_in", in_two_steps)


Break = Callable[[World, pytest.MonkeyPatch], None]
BREAKS: list[Break] = [relayed_too_soon, any_answer_is_good, the_place_goes_first]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_break_is_noticed(broken: Break, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(seed: int) -> bool:
        try:
            told(seed, lambda world: broken(world, monkeypatch))
        except AssertionError:
            return True
        return False

    assert any(attempt(seed) for seed in range(20))


# ---- the dead and the living --------------------------------------------------------------------------------------


def test_the_dead_keep_nobody_and_are_hardly_asked() -> None:
    loop = VirtualLoop()
    world = World(loop)

    async def live() -> None:
        well = await world.hook("well")
        dead = [await world.hook(f"dead{n}") for n in range(10)]
        world.receivers.hangs = set(dead)
        world.start()
        happened: list[float] = []
        for n in range(100):
            happened.append(loop.time())
            await world.happen(f"c{n}")
            await asyncio.sleep(0.5)
        late = [at - happened[n] for n, (at, _) in enumerate(world.receivers.got[well])]
        assert len(late) == 100
        assert max(late) < 1.0
        assert all(world.receivers.asked[url] < 25 for url in dead)  # of 100 that wait for each
        world.receivers.hangs = set()
        await world.until_told(dict.fromkeys(dead, ""))  # the next probe finds it well, and all comes
        assert loop.time() < 150
        for url in dead:
            world.judge(url, "")

    run(loop, live())


ILLS = {
    "down": (0.0, Answer(None, "refused")),
    "slow": (9.9, Answer(204)),  # and takes what comes
    "hanging": (10.0, Answer(None, "timeout")),
    "500": (0.01, Answer(500)),
    "too busy": (0.01, Answer(429, retry_after_s=300)),
    "resets": (0.05, Answer(None, "reset")),
    "redirects inside": (0.01, Answer(None, "inner address")),
}


ALIKE = pytest.mark.soak("one that is down stands in for them")


@pytest.mark.parametrize("ill", ["down", *(pytest.param(one, marks=ALIKE) for one in sorted(ILLS.keys() - {"down"}))])
def test_one_that_was_ill_for_an_hour_has_all_of_it_when_it_is_well(ill: str) -> None:
    """Though the process dies every ten minutes; and who was well all the while never waited."""
    loop = VirtualLoop()
    world = World(loop)
    takes_s, answer = ILLS[ill]

    class Ill(Receivers):
        is_ill = True

        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
            if "well" in url or not self.is_ill:
                return await super().post(url, body, headers)
            await asyncio.sleep(takes_s)
            return await super().post(url, body, headers) if answer.is_good else answer

    async def hour() -> None:
        receivers = world.receivers = Ill(world)
        well, poor = await world.hook("well"), await world.hook("poor")
        world.start()
        happened: dict[str, float] = {}
        for n in range(360):
            call = f"c{n % 90}"
            await world.happen(call)
            happened[f"evt_{call}_{len(world.told[call])}"] = loop.time()
            await asyncio.sleep(10)
            if n % 60 == 59:
                await world.kill()
                world.start()
        assert loop.time() >= 3_600
        assert max(at - happened[id.rpartition("_")[0]] for at, id in receivers.got[well]) < 1.0
        receivers.is_ill, is_well_at = False, loop.time()
        await world.until_told({poor: ""})
        assert loop.time() - is_well_at < 320, "its next probe, or the end of the time that it asked for"
        for url in (well, poor):
            world.judge(url, "")

    run(loop, hour())


def test_a_receiver_that_is_gone_is_asked_no_more_until_somebody_says_so() -> None:
    loop = VirtualLoop()
    world = World(loop)

    class Gone(Receivers):
        async def post(self, url: str, body: bytes, headers: object) -> object:  # type: ignore[override]
            self.asked[url] = self.asked.get(url, 0) + 1
            return couriers.Answer(410)

    async def live() -> None:
        url = await world.hook("gone")
        well, world.receivers = world.receivers, Gone(world)
        world.start()
        await world.happen("c1")
        await world.happen("c2")
        await asyncio.sleep(100)
        hook = await world.webhooks.find("gone")
        assert hook is not None
        assert (hook.is_paused, hook.why_paused) == (True, "it answered 410 Gone")
        assert world.receivers.asked[url] <= 2
        await world.kill()
        world.receivers = well
        await world.webhooks.change(couriers.replace(hook, is_paused=False, why_paused=""))
        world.start()
        await world.until_told({url: ""})
        world.judge(url, "")

    run(loop, live())
