"""One random world: a PBX of rules, a ledger and a store in memory, and an app that is killed and started again.

Everything runs on virtual time from one seed. The laws of product section 1 are checked at every change of the ledger;
what must have come true in the end, at the end.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.domain import charging
from ari_app.domain.call import Call, Leg, Route, Terms
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import Account, Kind, MonthGrant, Refused
from ari_app.engine import records
from ari_app.engine.engine import Engine
from ari_app.engine.keeping import Keeping
from ari_app.engine.perform import Performer
from ari_app.engine.sight import LOOK_AGAIN_S
from ari_app.flows import Flow
from tests.laws import checks
from tests.laws.carriers import Carriers
from tests.laws.line import Line
from tests.laws.maker import Make, Maker
from tests.laws.pbx import LawPbx, Weather
from tests.laws.speech_and_words import Words
from tests.laws.virtual_time import VirtualLoop, run

PAYER = "alice"
NO_MONTH = MonthGrant("2000-01", 0, 1)
END_WITHIN_S = 3_000.0  # of virtual time: the longest of all waits together, and some


class NoMonths:
    """All minutes are bonus ones."""

    async def month(self, _payer: str, _now_ms: int) -> MonthGrant:
        return NO_MONTH

    def came_short(self, payer: str) -> None:
        """No team of his will grow."""


class LawBroken(AssertionError):
    pass


class Moody:
    """Ledger and store as over a network: sometimes slow or away, a reply sometimes lost after it took effect."""

    def __init__(self, inner: object, world: World, rng: random.Random | None = None) -> None:
        self._inner, self._rng, self._chance, self._world = inner, rng or world.rng, world.trouble, world

    def __getattr__(self, name: str) -> Callable[..., object]:
        real = getattr(self._inner, name)

        async def asked(*args: object, **kwargs: object) -> object:
            slow_s = 1.0 if self._rng.random() < 3 * self._chance else 0.003
            await asyncio.sleep(self._rng.uniform(0, slow_s))
            if self._rng.random() < self._chance or self._world.loop.now_s < self._world.away_until_s:
                raise Unavailable("away")
            answer = await real(*args, **kwargs)
            if isinstance(answer, Refused):
                self._world.refused.add(str(kwargs["call"]))
            await asyncio.sleep(self._rng.uniform(0, 0.003))
            if self._rng.random() < self._chance:
                raise Unavailable("the answer was lost")
            return answer

        return asked


@dataclass
class Report:
    crashes: int = 0
    cuts: int = 0
    usurpations: int = 0
    talked: int = 0
    answered: int = 0  # calls of a type that costs nothing, with a phone that was answered
    overruns: int = 0
    charged_s: int = 0
    reasons: list[str] = field(default_factory=list)


class World:
    def __init__(self, seed: int, flow: Flow, maker: Maker | Make) -> None:
        self.rng, self.other_rng = random.Random(seed), random.Random(-seed - 1)
        self.loop = VirtualLoop()
        rng = self.rng
        self.weather = Weather(
            late_ms=rng.choice((0, 0, 5, 300)),
            repeat=rng.choice((0.0, 0.3)),
            cel=rng.random() < 0.8,
            wire_ms=rng.choice((4, 4, 150)),
            cel_late_ms=rng.choice((0, 20, 2000)),
        )
        self.pbx = LawPbx(self.loop, rng, self.weather, seed)
        self.ledger, self.calls, self.costs = MemoryLedger(), MemoryCalls(), MemoryCosts()
        self.flow, self.maker = flow, maker if isinstance(maker, Maker) else Maker(maker)
        self.pbx.keys = self.maker.keys
        self.words = Words(seed, self)
        self.trouble = rng.choice((0.0, 0.03, 0.1))
        self.carriers = Carriers(seed, self.loop)
        self.fence = 0
        self.engine: Engine | None = None
        self.line: Line
        self.main: asyncio.Task[None] | None = None
        self.report = Report()
        self.is_down = True
        self.away_until_s = 0.0  # ledger and store answer nobody before
        self.has_old_records = False
        """Calls of an older version are among them, which were settled without a word of their legs."""
        self.refused: set[str] = set()  # calls for which the ledger had no minutes, at least once
        self._apart, self._drowned = checks.Lasting(), checks.Lasting()
        self.minutes_s = rng.choice((1, 20, 65, 400, 3600, 3600, 36000))

    # ---- the app's lives ----------------------------------------------------------------------------------------

    async def boot(self) -> None:
        self.fence += 1
        now_ms = self.loop.now_ms
        ledger, calls = Moody(self.ledger, self), Moody(self.calls, self)
        costs = Moody(self.costs, self, self.other_rng)
        self.line = line = Line(self.pbx)
        seek = None if self.maker.seek is None else self.words.seek
        performer = Performer(line, ledger, now_ms, NoMonths(), seek=seek)  # type: ignore[arg-type]
        self.engine = Engine(
            node="n", telephony=line, calls=calls, ledger=ledger, performer=performer, now_ms=now_ms,  # type: ignore[arg-type]
            costs=costs, alive_mark_s=0.5, keeping=Keeping(1),  # type: ignore[arg-type]
            gate=self.carriers.gate(Moody(self.carriers.lines, self, self.carriers.rng)),
        )  # fmt: skip
        while True:
            try:
                await self.engine.load(self.fence)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        self.main = self.loop.create_task(self.engine.run())
        self.is_down = False

    async def crash(self) -> None:
        """SIGKILL: whatever was going on stops where it stands."""
        assert self.engine is not None
        assert self.main is not None
        self.report.crashes += 1
        self.is_down = True
        self.pbx.cut_link()
        living = (t for t in asyncio.all_tasks(self.loop) if not t.get_name().startswith("world"))
        mine = sorted((t for t in living if not self.pbx.owns(t)), key=lambda t: self.loop.place[t])
        for task in mine:
            task.cancel()
        await asyncio.gather(*mine, return_exceptions=True)

    async def usurp(self) -> None:
        """The owner was paused for longer than its lease, and goes on beside the one that took its place: it is not
        told, but its requests are not carried out any more, all but the one that was just being written."""
        self.report.usurpations += 1
        self.line.usurped(strays=self.rng.choice((0, 0, 1)))
        self.pbx.cut_link()
        if self.rng.random() < 0.5:  # it reads that its link is gone only later, if ever
            self.pbx.forget_the_end_of_the_link()
        await self.boot()

    @property
    def was_away(self) -> bool:
        return self.report.crashes + self.report.cuts + self.report.usurpations > 0

    # ---- a run --------------------------------------------------------------------------------------------------

    async def live(self) -> Report:
        here = asyncio.current_task()
        assert here is not None
        here.set_name("world")
        await self.ledger.grant(
            op="g1", payer=PAYER, kind=Kind.BONUS, seconds=self.minutes_s, now_ms=self.loop.now_ms()
        )
        await self.boot()
        assert self.engine is not None
        await self.engine.until_recovered()
        ids = [f"c{i:026d}" for i in range(self.rng.choice((1, 2, 4)))]
        for i in ids:
            await self._start(i)
        outside = [self._trouble(ids), self.words.say(ids), self.words.speak()]
        tasks = [self.loop.create_task(task, name="world trouble") for task in outside]
        deadline = self.loop.now_s + END_WITHIN_S
        while not self._is_over(ids):
            self.check_ledger()
            self.check_joined(ids)
            self.check_heard(ids)
            self.check_held(ids)
            self.must_hold(self.carriers.why_broken(self))
            if self.loop.now_s > deadline:
                raise LawBroken(f"liveness: not over: {self._left(ids)}")
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(LOOK_AGAIN_S + 3)
        self.check_end(ids)
        self.must_hold(await self.carriers.leaked(self))
        return self.report

    async def _start(self, call_id: str) -> None:
        assert self.engine is not None
        call = self.maker.make(call_id, self.rng, self.loop.now_ms())
        for leg in call.legs:
            if leg.came_in:
                self.pbx.call_in(f"{call_id}.{leg.role}.0")
        while True:
            try:
                await self.engine.start(call, (PAYER,))
                break
            except Unavailable:
                await asyncio.sleep(0.1)
        for leg in call.legs:
            if leg.came_in:
                self.pbx.let_in(f"{call_id}.{leg.role}.0")

    async def _trouble(self, ids: list[str]) -> None:
        """Crashes, lost links, cancels and top-ups, at random moments; many of them early, where much happens."""
        rng = self.rng
        for _ in range(rng.choice((0, 0, 0, 6))):  # a link that flaps while much happens
            await asyncio.sleep(rng.uniform(0, 0.1))
            if self.pbx.is_up:
                self.report.cuts += 1
                self.pbx.cut_link()
                await asyncio.sleep(0.003)
                self.pbx.reconnect()
        for _ in range(rng.choice((0, 1, 3, 8))):
            await asyncio.sleep(rng.choice((0.002, 0.01, 0.05, 0.5, 3.0, 20.0, 60.0)) * rng.random())
            match rng.choices(("crash", "cut", "cancel", "top_up", "away", "usurp"), (5, 3, 1, 1, 2, 2))[0]:
                case "away":
                    self.away_until_s = self.loop.now_s + rng.choice((1.0, 20.0, 300.0, 300.0)) * rng.random()
                case "usurp":
                    await self.usurp()
                case "crash":
                    await self.crash()
                    await asyncio.sleep(rng.choice((0.01, 0.5, 5.0, 90.0, 500.0)) * rng.random())
                    await self.boot()
                case "cut":
                    if self.pbx.is_up:
                        self.report.cuts += 1
                        self.pbx.cut_link()
                        await asyncio.sleep(rng.choice((0.01, 1.0, 20.0)) * rng.random())
                        self.pbx.reconnect()
                case "cancel":
                    assert self.engine is not None
                    self.engine.cancel(rng.choice(ids))
                case "top_up":
                    await self.ledger.grant(
                        op=f"t{rng.random()}", payer=PAYER, kind=Kind.BOUGHT, seconds=120, now_ms=self.loop.now_ms()
                    )

    # ---- the laws -----------------------------------------------------------------------------------------------

    def must_hold(self, broken: str) -> None:
        if broken:
            raise LawBroken(broken)

    def check_ledger(self) -> None:
        broken = check_laws(self.account())
        if broken:
            raise LawBroken("; ".join(broken))

    def account(self) -> Account:
        return self.ledger.accounts.get(PAYER, Account())

    def _call(self, call_id: str) -> Call:
        return records.decode(self.calls._calls[call_id].record)

    def _is_over(self, ids: list[str]) -> bool:
        if self.is_down or self.engine is None or not self.engine.is_empty or not self.engine.sees_pbx:
            return False
        return all(self._call(i).settled is not None for i in ids)

    def check_joined(self, ids: list[str]) -> None:
        """Of a call that goes on, with the app in sight of it, those who are to hear each other are joined soon."""
        for call_id in ids:
            if self._apart.too_long(call_id, checks.is_apart(self, self._call(call_id)), self.loop.now_s):
                raise LawBroken(f"liveness: up and not joined: {call_id}")

    def check_heard(self, ids: list[str]) -> None:
        """Who is joined hears the others: no ringback or music goes on over the talk."""
        for call_id in ids:
            if self._drowned.too_long(call_id, checks.is_drowned(self, self._call(call_id)), self.loop.now_s):
                raise LawBroken(f"an endless sound goes on over the talk: {call_id}")

    def check_held(self, ids: list[str]) -> None:
        for call_id in ids:
            self.must_hold(checks.why_not_held(self, self._call(call_id)))

    def _left(self, ids: list[str]) -> str:
        states = [(self.flow.state(self._call(i)), self._call(i).end) for i in ids]
        return f"{states}; channels {sorted(self.pbx.channels)}"

    def check_end(self, ids: list[str]) -> None:
        self.check_ledger()
        for channel, times in self.pbx.rung.items():
            if times > 1:
                raise LawBroken(f"law 7: the phone of {channel} rang {times} times for one try")
        if self.pbx.channels:
            raise LawBroken(f"channels left: {sorted(self.pbx.channels)}")
        if self.pbx.bridges:
            raise LawBroken(f"bridges left: {sorted(self.pbx.bridges)}")
        account = self.account()
        if account.holds:
            raise LawBroken(f"still held: {dict(account.holds)}")
        for call_id in ids:
            self._report(self._call(call_id))
            self.check_charge(self._call(call_id))
        self.check_costs(ids)

    def check_costs(self, ids: list[str]) -> None:
        self.must_hold(checks.why_costs_are_wrong(self, ids))

    def check_charge(self, call: Call) -> None:
        """What was charged, how it ended, and what was told of it."""
        self.must_hold(checks.why_a_wrong_end(self, call))
        self.must_hold(checks.why_too_long(self, call))
        self.must_hold(checks.why_charged_wrongly(self, call))
        self.must_hold(checks.why_told_wrongly(self, call))
        if self.maker.check is not None:
            self.must_hold(self.maker.check(self, call))

    def _report(self, call: Call) -> None:
        assert call.settled is not None
        assert call.end is not None
        report = self.report
        report.reasons.append(str(call.end.reason))
        report.talked += call.settled.used_s > 0
        report.overruns += call.settled.overrun_s > 0
        report.charged_s += call.settled.charged_s
        if self.maker.rule is charging.nothing:
            report.answered += any(t.answered_at_ms is not None for leg in call.legs for t in leg.tries)


def callback_call(call_id: str, rng: random.Random, now_ms: int) -> Call:
    routes = tuple(Route(f"t{i}", "+861", "+864", "x", 60_000, "6/6") for i in range(rng.choice((1, 2, 3))))
    terms = Terms(
        increment=rng.choice(("1/1", "6/6", "60/60")),
        slice_s=rng.choice((30, 60, 120)),
        max_duration_s=rng.choice((100, 1500)),
        max_live_calls=rng.choice((2, 9)),
        confirm_caller=rng.random() < 0.3,
        prompt=rng.random() < 0.5,
        early_media=rng.choice(("all", "none")),
        waiting=rng.choice(("ringback", "music")),
        media_timeout_ms=60_000,
        pdd_timeout_ms=3_000,
        trunk_wait_ms=2_000,
    )
    legs = tuple(Leg(role, "+861", routes, ring_timeout_ms=15_000) for role in ("caller", "callee"))
    return Call(call_id, "callback", now_ms, PAYER, legs, terms, now_ms=now_ms)


def trunk_test_call(call_id: str, rng: random.Random, now_ms: int) -> Call:
    terms = Terms(max_duration_s=rng.choice((1, 10, 60)), pdd_timeout_ms=3_000, trunk_wait_ms=2_000)
    route = Route(rng.choice(("t0", "t1")), "+861", "+864", "trunk_policy", 60_000, "6/6")
    leg = Leg("callee", "+861", (route,), ring_timeout_ms=15_000)
    return Call(call_id, "trunk_test", now_ms, "", (leg,), terms, now_ms=now_ms)


def play(seed: int, flow: Flow, maker: Maker | Make) -> Report:
    world = World(seed, flow, maker)
    world.carriers.limit()
    try:
        return run(world.loop, world.live())
    except LawBroken as e:
        raise LawBroken(f"seed {seed}: {e}") from e
