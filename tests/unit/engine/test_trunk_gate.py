"""The gate before a dial: who passes, who takes the next trunk, who waits; and that no line outlives its channel."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.domain import events as ev
from ari_app.domain.breaker import Rule
from ari_app.domain.call import CALLEE, CALLER, Call, End, Leg, Route, Terms
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.errors import Unavailable
from ari_app.domain.step import observe
from ari_app.domain.trunks import Trunk
from ari_app.domain.wishes import Dial, HangUp, Wish
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.engine.trunk_signs import Sign
from ari_app.ports.lines import Full
from tests.support import until

WAIT_MS = 400


def a_call(name: str = "c1", trunks: Sequence[str] = ("one", "two"), wait_ms: int = WAIT_MS) -> Call:
    routes = tuple(Route(trunk, "+861", "+864", "x") for trunk in trunks)
    legs = tuple(Leg(role, "+861", routes, ring_timeout_ms=9_000) for role in (CALLER, CALLEE))
    return Call(name, "callback", 0, "alice", legs, Terms(trunk_wait_ms=wait_ms))


class World:
    def __init__(self, **one: int) -> None:
        self.lines = MemoryLines()
        self.trunks = [Trunk("one", "a", **one), Trunk("two", "b")]  # type: ignore[arg-type]
        self.health = TrunkHealth(Rule(after=1))
        self.book = TrunkBook(self.trunks, self.health)
        self.down: set[str] = set()
        self.gate = self.a_gate()
        self.dialled: list[str] = []
        self.calls: dict[str, Call] = {}

    def a_gate(self, lines: MemoryLines | None = None) -> TrunkGate:
        return TrunkGate(
            lines or self.lines, self.book, self.health, now_ms, is_down=lambda t: "gone" if t in self.down else ""
        )

    async def dial(self, call: Call, leg: str = CALLER, n: int = 0) -> str:
        """ "" if it was dialled, "unwanted", or why not."""
        self.calls[call.id] = replace(call, asked=call.asked | {f"dial:{leg}:{n}"})

        async def perform(c: Call, wish: Wish) -> list[ev.Event]:
            assert isinstance(wish, Dial)
            self.dialled.append(f"{c.id}.{wish.leg}.{wish.n}")
            return [ev.Dialled(leg, n, now_ms())]

        facts = await self.gate.through(lambda: self.calls[call.id], Dial(leg, n, 1, 1), perform)
        match facts[0]:
            case ev.Gone(how=how, why=why):
                assert (how, facts[1]) == ("failed", ev.Done(f"dial:{leg}:{n}", facts[1].at_ms))
                return why
            case ev.NeverSent():
                return "unwanted"
        return ""

    def hear(self, call: str, *events: ev.Event) -> None:
        """As a fold of the call's mailbox does it."""
        for event in events:
            before = self.calls[call]
            self.calls[call] = observe(before, event)
            self.gate.folded(before, self.calls[call])

    async def in_use(self, trunk: str = "one") -> int:
        return await self.lines.in_use(trunk)


def now_ms() -> int:
    return round(1000 * asyncio.get_running_loop().time())


async def test_what_is_no_dial_is_carried_out_at_once() -> None:
    world = World(max_channels=1)

    async def perform(_call: Call, wish: Wish) -> list[ev.Event]:
        return [ev.Done(wish.key, 1)]

    assert await world.gate.through(a_call, HangUp(CALLER, 0), perform) == [ev.Done("hangup:caller:0", 1)]
    assert await world.in_use() == 0


async def test_a_full_trunk_is_passed_over_and_the_try_says_why() -> None:
    world = World(max_channels=2)
    assert await world.dial(a_call("c1")) == ""
    assert await world.in_use() == 2, "one is for the callee"
    assert await world.dial(a_call("c2")) == "channels"
    assert await world.dial(a_call("c2"), n=1) == ""
    assert world.dialled == ["c1.caller.0", "c2.caller.1"]
    await until(lambda: world.in_use("two"))


async def test_the_callees_line_was_kept_for_him_and_begins_when_he_is_dialled() -> None:
    world = World(max_channels=2, max_cps=1)
    assert await world.dial(a_call("c1", wait_ms=0)) == ""
    world.hear("c1", ev.Dialled(CALLER, 0, 1), ev.Answered(CALLER, 0, 2))
    assert await world.dial(world.calls["c1"], CALLEE) == "cps", "he begins as any other"
    free = World(max_channels=2)
    assert await free.dial(a_call("c1")) == ""
    assert await free.dial(free.calls["c1"], CALLEE) == ""
    assert await free.in_use() == 2


async def test_too_many_a_second_wait_only_for_the_last_trunk() -> None:
    world = World(max_cps=1)
    assert await world.dial(a_call("c1")) == ""
    assert await world.dial(a_call("c2")) == "cps", "another is left"
    assert await world.dial(a_call("c3", trunks=["one"])) == "cps", "its patience is shorter than a second"
    assert await world.dial(a_call("c4", trunks=["one"], wait_ms=5_000)) == ""
    assert world.dialled == ["c1.caller.0", "c4.caller.0"]


async def test_for_the_last_trunk_a_line_is_waited_for() -> None:
    world = World(max_channels=2)
    assert await world.dial(a_call("c1", trunks=["one"])) == ""
    assert await world.dial(a_call("c2", trunks=["one"], wait_ms=300)) == "channels"
    waiting = asyncio.create_task(world.dial(a_call("c3", trunks=["one"], wait_ms=10_000)))
    await until(lambda: "c3" in world.calls)
    world.hear("c1", ev.Dialled(CALLER, 0, 1), ev.Gone(CALLER, 0, 2, sip_status=503))
    assert await asyncio.wait_for(waiting, 5) == ""


async def test_nobody_is_rung_for_a_call_that_ended_while_it_waited() -> None:
    world = World(max_cps=1)
    await world.dial(a_call("c1"))
    waiting = asyncio.create_task(world.dial(a_call("c2", trunks=["one"], wait_ms=60_000)))
    await until(lambda: "c2" in world.calls)
    before = world.calls["c2"]
    world.calls["c2"] = replace(before, end=End(Reason.CANCELLED, HungUpBy.API, 1))
    assert await asyncio.wait_for(waiting, 2) == "unwanted"
    assert world.dialled == ["c1.caller.0"]


async def test_nothing_is_sent_on_a_sight_of_the_pbx_that_has_passed() -> None:
    """What it was decided on is no more: recovery tells how things stand, and the dial is asked for anew."""
    world = World(max_cps=1)
    await world.dial(a_call("c1"))
    world.calls["c2"] = call = a_call("c2", trunks=["one"], wait_ms=60_000)
    sights = iter([True, True, False])

    async def perform(_call: Call, _wish: Wish) -> list[ev.Event]:
        raise AssertionError("it was sent")

    through = world.gate.through(lambda: call, Dial(CALLER, 0, 1, 1), perform, lambda: next(sights))
    assert await asyncio.wait_for(through, 5) == []


async def test_a_line_is_given_back_with_its_channel_and_the_promised_one_with_the_call() -> None:
    world = World(max_channels=2)
    await world.dial(a_call("c1"))
    world.hear("c1", ev.Dialled(CALLER, 0, 1), ev.Gone(CALLER, 0, 2, sip_status=503))
    assert await until(lambda: _is_free(world)), "the next try goes over the other trunk"
    await world.dial(a_call("c2"))
    world.hear("c2", ev.NeverSent(CALLER, 0, 5))
    assert await until(lambda: _is_free(world))


async def _is_free(world: World) -> bool:
    return await world.in_use() == 0


async def test_lines_of_live_calls_are_seen_and_had_again_where_they_were_lost() -> None:
    world = World(max_channels=4)
    await world.dial(a_call("c1"))
    world.hear("c1", ev.Dialled(CALLER, 0, 1))
    await world.dial(a_call("c2"))
    for one in ("c1.caller.0", "c1.callee.0", "c2.caller.0", "c2.callee.0"):
        await world.lines.free("one", one)
    keeping = asyncio.create_task(world.gate.keep(lambda: list(world.calls.values())))
    try:
        await until(world.in_use)
        assert await world.in_use() == 2, "of the one that lives; the other may still wait for its line"
    finally:
        keeping.cancel()


class SlowToSee(MemoryLines):
    def __init__(self) -> None:
        super().__init__()
        self.sent, self.let_through = asyncio.Event(), asyncio.Event()

    async def seen(self, trunk: str, channels: Sequence[str]) -> None:
        self.sent.set()
        await self.let_through.wait()
        await super().seen(trunk, channels)


async def test_what_was_said_of_a_line_before_it_was_given_back_takes_it_no_more() -> None:
    world = World(max_channels=2)
    lines = SlowToSee()
    world.lines, world.gate = lines, world.a_gate(lines)
    await world.dial(a_call("c1"))
    world.hear("c1", ev.Dialled(CALLER, 0, 1))
    keeping = asyncio.create_task(world.gate.keep(lambda: list(world.calls.values())))
    try:
        await asyncio.wait_for(lines.sent.wait(), 5)
        world.hear("c1", ev.NeverSent(CALLEE, 0, 5), ev.Gone(CALLER, 0, 5, sip_status=503))
        assert await world.in_use() > 0
        lines.let_through.set()
        assert await until(lambda: _is_free(world))
    finally:
        keeping.cancel()


async def test_a_rested_or_unreachable_trunk_is_passed_over_as_long_as_there_is_another() -> None:
    world = World()
    world.health.saw([Sign("one", "x", False, "SIP 503")])
    assert await world.dial(a_call("c1")) == "rested"
    assert await world.dial(a_call("c2", trunks=["one"])) == ""
    world.down.add("two")
    assert await world.dial(a_call("c3")) == "", "the other one is no better"
    world.down.add("one")
    world.down.discard("two")
    assert await world.dial(a_call("c4")) == "down"
    assert await world.dial(a_call("c5", trunks=["two", "one"])) == ""


async def test_the_ends_of_tries_tell_of_the_trunk() -> None:
    world = World()
    await world.dial(a_call("c1"))
    world.hear("c1", ev.Dialled(CALLER, 0, 1), ev.Gone(CALLER, 0, 9, cause=17, sip_status=486))
    assert world.health.of("one").state == "up", "he is busy, and it works"
    await world.dial(a_call("c2"))
    world.hear("c2", ev.Dialled(CALLER, 0, 1), ev.Gone(CALLER, 0, 9, cause=38, sip_status=503))
    assert (world.health.of("one").state, world.health.of("one").why) == ("rested", "SIP 503")
    await world.dial(a_call("c3", trunks=["one"]))
    world.hear("c3", ev.Dialled(CALLER, 0, 1), ev.Rang(CALLER, 0, 60_001))
    assert world.health.of("one").state == "rested", "it was dialled long before"
    await world.dial(a_call("c4", trunks=["one"]))
    world.hear("c4", ev.Dialled(CALLER, 0, 1), ev.Rang(CALLER, 0, 1))
    assert world.health.of("one").state == "up"


async def test_a_call_that_is_given_up_early_says_nothing_of_its_trunk_and_silence_does() -> None:
    world = World()
    for ended_ms, state in ((9_999 - 5_000, "up"), (9_000, "rested")):
        call = a_call(f"c{ended_ms}", trunks=["one"])
        await world.dial(call)
        world.calls[call.id] = replace(world.calls[call.id], asked=world.calls[call.id].asked | {"hangup:caller:0"})
        world.hear(call.id, ev.Dialled(CALLER, 0, 0), ev.Gone(CALLER, 0, ended_ms))
        assert world.health.of("one").state == state


class Away(MemoryLines):
    async def take(self, *_: object, **__: object) -> Full | None:
        raise Unavailable("away")


async def test_while_the_store_is_away_only_a_trunk_with_limits_is_passed_over() -> None:
    world = World(max_channels=5)
    world.gate = world.a_gate(Away())
    assert await world.dial(a_call("c1", wait_ms=0)) == "uncounted"
    assert await world.dial(a_call("c1"), n=1) == ""
    assert await world.dial(a_call("c2", trunks=["one"], wait_ms=300)) == "uncounted"
