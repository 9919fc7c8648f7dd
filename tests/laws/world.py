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
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms
from ari_app.domain.causes import Reason
from ari_app.domain.costing import leg_costs
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import Account, Kind, MonthGrant, Refused
from ari_app.engine import records
from ari_app.engine.engine import Engine
from ari_app.engine.perform import Performer
from ari_app.engine.recover import UNDIALLED_MS
from ari_app.engine.sight import LOOK_AGAIN_S
from ari_app.flows import Flow
from tests.laws.carriers import Carriers
from tests.laws.line import Line
from tests.laws.pbx import LawPbx, Weather
from tests.laws.virtual_time import VirtualLoop, run

PAYER = "alice"
NO_MONTH = MonthGrant("2000-01", 0, 1)
JOIN_WITHIN_S = 5.0
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
    answered: int = 0  # phones of calls that have one alone
    overruns: int = 0
    charged_s: int = 0
    reasons: list[str] = field(default_factory=list)


class World:
    def __init__(self, seed: int, flow: Flow, make: Callable[[str, random.Random, int], Call]) -> None:
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
        self.pbx = LawPbx(self.loop, rng, self.weather)
        self.ledger, self.calls, self.costs = MemoryLedger(), MemoryCalls(), MemoryCosts()
        self.flow, self.make = flow, make
        self.trouble = rng.choice((0.0, 0.03, 0.1))
        self.carriers = Carriers(seed, self.loop)
        self.fence = 0
        self.engine: Engine | None = None
        self.line: Line
        self.main: asyncio.Task[None] | None = None
        self.report = Report()
        self.is_down = True
        self.away_until_s = 0.0  # ledger and store answer nobody before
        self.refused: set[str] = set()  # calls for which the ledger had no minutes, at least once
        self._apart_since: dict[str, float] = {}
        self._drowned_since: dict[str, float] = {}
        self.minutes_s = rng.choice((1, 20, 65, 400, 3600, 3600, 36000))

    # ---- the app's lives ----------------------------------------------------------------------------------------

    async def boot(self) -> None:
        self.fence += 1
        now_ms = self.loop.now_ms
        ledger, calls = Moody(self.ledger, self), Moody(self.calls, self)
        costs = Moody(self.costs, self, self.other_rng)
        self.line = line = Line(self.pbx)
        performer = Performer(line, ledger, now_ms, NoMonths())  # type: ignore[arg-type]
        self.engine = Engine(
            node="n", telephony=line, calls=calls, ledger=ledger, performer=performer, now_ms=now_ms,  # type: ignore[arg-type]
            costs=costs, alive_mark_s=0.5, retention_s=1,  # type: ignore[arg-type]
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
        trouble = self.loop.create_task(self._trouble(ids), name="world trouble")
        deadline = self.loop.now_s + END_WITHIN_S
        while not self._is_over(ids):
            self.check_ledger()
            self.check_joined(ids)
            self.check_heard(ids)
            self.check_held()
            self.check_lines(self.carriers.why_broken(self))
            if self.loop.now_s > deadline:
                raise LawBroken(f"liveness: not over: {self._left(ids)}")
            await asyncio.sleep(0.5)
        trouble.cancel()
        await asyncio.sleep(LOOK_AGAIN_S + 3)
        self.check_end(ids)
        self.check_lines(await self.carriers.leaked(self))
        return self.report

    async def _start(self, call_id: str) -> None:
        assert self.engine is not None
        call = self.make(call_id, self.rng, self.loop.now_ms())
        while True:
            try:
                await self.engine.start(call, (PAYER,))
                return
            except Unavailable:
                await asyncio.sleep(0.1)

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

    def check_lines(self, broken: str) -> None:
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
        """A call that goes on, with both phones up and the app in sight of them, is joined soon."""
        assert self.engine is not None
        for call_id in ids:
            call = self._call(call_id)
            if len(call.legs) < 2:
                continue
            names = frozenset(f"{call_id}.{leg.role}.{leg.n}" for leg in call.legs)
            up = all(c in self.pbx.channels and self.pbx.channels[c].answered_ms is not None for c in names)
            calm = self.engine.sees_pbx and self.pbx.is_up and not call.is_over
            if not (up and calm) or names in self.pbx.joined:
                self._apart_since.pop(call_id, None)
            elif self.loop.now_s - self._apart_since.setdefault(call_id, self.loop.now_s) > JOIN_WITHIN_S:
                raise LawBroken(f"liveness: both up and not joined: {call_id}")

    def check_heard(self, ids: list[str]) -> None:
        """Who is joined hears the other one: no ringback or music goes on over the talk."""
        assert self.engine is not None
        for call_id in ids:
            call = self._call(call_id)
            names = frozenset(f"{call_id}.{leg.role}.{leg.n}" for leg in call.legs)
            calm = self.engine.sees_pbx and self.pbx.is_up and not call.is_over
            drowned = any(self.pbx.endless(c) for c in names)
            if not (names in self.pbx.joined and calm and drowned):
                self._drowned_since.pop(call_id, None)
            elif self.loop.now_s - self._drowned_since.setdefault(call_id, self.loop.now_s) > JOIN_WITHIN_S:
                raise LawBroken(f"an endless sound goes on over the talk: {call_id}")

    def check_held(self) -> None:
        """Nothing is said that is not held: the PBX itself ends the talk, whoever is away, and for how long."""
        account, up = self.account(), {c.id: c.answered_ms for c in self.pbx.channels.values() if c.answered_ms}
        for channel, answered_ms in up.items():
            call_id, role, _n = channel.split(".")
            if role != CALLEE or not any(other.startswith(f"{call_id}.{CALLER}.") for other in up):
                continue
            held_s = account.call_held_s(call_id)
            talked_s = (self.loop.now_ms() - answered_ms) / 1000
            if talked_s > held_s + self.overrun_allowed_s(self._call(call_id), channel, held_s):
                raise LawBroken(f"law 5: {talked_s} s are talked, {held_s} s are held, and the PBX does nothing")

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
            self.check_charge(self._call(call_id))
        self.check_costs(ids)

    def check_costs(self, ids: list[str]) -> None:
        """What the carriers take is noted once for each phone that rang, and is what is told of its call."""
        noted = {leg.leg: leg for leg in self.costs.all()}
        owed = {leg.leg: leg for call_id in ids for leg in leg_costs(self._call(call_id))}
        if len(noted) < len(self.costs.all()) or noted.keys() != owed.keys():
            raise LawBroken(f"noted {sorted(leg.leg for leg in self.costs.all())}, owed {sorted(owed)}")
        if missing := self.pbx.rung.keys() - noted.keys() - self.taken_for_undialled(ids):
            raise LawBroken(f"rung, and not noted: {sorted(missing)}")
        sums = [sum(leg.cost_micro for leg in legs.values()) for legs in (noted, owed)]
        if sums[0] != sums[1] or any(leg.cost_micro < 0 for leg in noted.values()):
            raise LawBroken(f"costs of {sums[0]} noted, {sums[1]} owed")

    def taken_for_undialled(self, ids: list[str]) -> set[str]:
        """Phones that refused within a few ms, while nobody watched: the PBX's record has no word to tell them from
        channels that were made and never dialled. They cost nothing."""
        legs = [(call_id, leg) for call_id in ids for leg in self._call(call_id).legs]
        return {
            f"{call_id}.{leg.role}.{n}"
            for call_id, leg in legs
            for n, t in enumerate(leg.tries)
            if t.how == "failed" and not t.why and (t.ended_at_ms or 0) - t.dialled_at_ms < UNDIALLED_MS
        }

    def check_charge(self, call: Call) -> None:
        """Charged is the talk that the PBX itself saw, within a second; less only if the end was seen by nobody."""
        assert call.settled is not None
        assert call.end is not None
        self.report.reasons.append(str(call.end.reason))
        if call.end.reason is Reason.BALANCE_EMPTY and call.id not in self.refused:
            raise LawBroken("balance_empty, though the ledger never said so")
        self.check_who(call)
        self.check_length(call)
        true_ms = self.true_talk_ms(call)
        if true_ms is None:
            return
        used_s = call.settled.used_s
        self.report.talked += used_s > 0
        self.report.overruns += call.settled.overrun_s > 0
        self.report.charged_s += call.settled.charged_s
        if used_s > true_ms / 1000 + 1:
            raise LawBroken(f"charged for what was not said: {used_s} s of {true_ms} ms, {call.end}")
        if self.weather.cel and used_s < true_ms / 1000 - 1:
            raise LawBroken(f"talk not charged: {used_s} s of {true_ms} ms, {call.end}")
        callee = call.legs[-1]
        allowed_s = self.overrun_allowed_s(call, f"{call.id}.{callee.role}.{callee.n}", call.held_s)
        if call.settled.overrun_s > allowed_s:
            raise LawBroken(f"law 5: overrun of {call.settled.overrun_s} s, {allowed_s} s at most")

    def overrun_allowed_s(self, call: Call, channel: str, held_s: int) -> int:
        """2 s. Where we were cut off between the callee's answer and the setting of its timer, the one that it was born
        with strikes: the ring time-out less what was held."""
        was_away = self.report.crashes + self.report.cuts + self.report.usurpations > 0
        if not was_away or channel in self.pbx.timed:
            return 2
        return 2 + max(0, call.legs[-1].ring_timeout_ms // 1000 - held_s)

    def check_length(self, call: Call) -> None:
        """Of a phone that is alone: it is hung up after its time; where we died at its answer, when the timer that it
        was born with strikes."""
        if len(call.legs) > 1:
            return
        [leg] = call.legs
        was_away = self.report.crashes + self.report.cuts + self.report.usurpations > 0
        allowed_ms = 1000 * call.terms.max_duration_s + 2_000 + (leg.ring_timeout_ms if was_away else 0)
        for channel, trace in self.pbx.traces_kept.items():
            if channel.startswith(f"{call.id}.") and trace.answered_at_ms is not None:
                up_ms = (trace.ended_at_ms or self.loop.now_ms()) - trace.answered_at_ms
                self.report.answered += 1
                if up_ms > allowed_ms:
                    raise LawBroken(f"up for {up_ms} ms, {allowed_ms} ms at most: {channel}")

    def check_who(self, call: Call) -> None:
        """Nobody is said to have hung up, or to have rejected, who by the PBX's own record did not."""
        assert call.end is not None
        by = str(call.end.by)
        legs = [trace for channel, trace in self.pbx.traces_kept.items() if channel.startswith(f"{call.id}.{by}.")]
        if by in (CALLER, CALLEE) and not any(trace.remote for trace in legs):
            raise LawBroken(f"{call.end.reason} by {by}, who did nothing: {legs}")

    def true_talk_ms(self, call: Call) -> int | None:
        """By the PBX's own record: from the last leg's answer to the first end; None if they never were two."""
        if len(call.legs) < 2:  # nobody to talk to
            return 0
        traces = [self.pbx.traces_kept.get(f"{call.id}.{leg.role}.{leg.n}") for leg in call.legs]
        if any(t is None or t.answered_at_ms is None or t.ended_at_ms is None for t in traces):
            return 0
        answered = traces[-1].answered_at_ms or 0  # type: ignore[union-attr]
        return max(0, min(t.ended_at_ms or 0 for t in traces if t) - answered)


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


def play(seed: int, flow: Flow, make: Callable[[str, random.Random, int], Call]) -> Report:
    world = World(seed, flow, make)
    world.carriers.limit()
    try:
        return run(world.loop, world.live())
    except LawBroken as e:
        raise LawBroken(f"seed {seed}: {e}") from e
