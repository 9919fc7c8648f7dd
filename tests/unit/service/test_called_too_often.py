"""Who calls too often, or spends too much, at the door for calls: refused with the rule, and nothing is held or rung.
The real engine on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.domain.call import Call
from ari_app.domain.costing import LegCost
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_types import Kind
from ari_app.domain.plans import Entitlement
from ari_app.domain.trunks import Trunk
from ari_app.engine.abuse import Abuse
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.attempts import AttemptRules, Attempts
from ari_app.engine.spending import Spend, Spending, SpendRules, SpendWatch
from ari_app.engine.trunk_book import TrunkBook
from ari_app.plans_file import shipped
from ari_app.ports.costs import Payer
from ari_app.ports.limits import Limit, of_number, of_pair
from ari_app.ports.users import User
from tests.laws.phones import Phone, busy, patient
from tests.laws.virtual_time import run
from tests.laws.world import PAYER
from tests.support import callback_ask, until
from tests.unit.service.test_asking_again import ASK, BOB, Desk

ZONE = "Asia/Shanghai"
PAIR, NUMBER = of_pair(PAYER, BOB), of_number(BOB)
RULES = AttemptRules((Limit(3, 300), Limit(6, 600)), (Limit(30, 3600),))
ERIN = "+8613900000006"
MICRO = 1_000_000


class Dull(random.Random):
    """A PBX with it never fails by chance."""

    def random(self) -> float:
        return 0.99


class GuardedDesk(Desk):
    """The door with its limits."""

    def __init__(self, rules: AttemptRules, spend: SpendRules) -> None:
        super().__init__()
        world = self.world
        world.pbx._rng = Dull(1)
        self.phones(patient)
        self.limits, self.costs = MemoryLimits(), MemoryCosts(ZONE)
        self.hit: list[str] = []
        self.alarms: list[Payer] = []
        self.book = TrunkBook([])
        self.spending = Spending(
            self.costs, replace(spend, timezone=ZONE), unnoted=self.unnoted, now_ms=world.loop.now_ms,
            trunks=lambda: self.book.trunks, watch=SpendWatch(alarm=self.alarms.append),
        )  # fmt: skip
        self.abuse = Abuse(Attempts(self.limits, rules), self.spending, self.hit.append)

    async def open(self, minutes_s: int) -> None:
        await super().open(minutes_s)
        await self.world.ledger.grant(
            op="b", payer="bob", kind=Kind.BONUS, seconds=36_000, now_ms=self.world.loop.now_ms()
        )
        self.put_up_limits()

    def put_up_limits(self) -> None:
        """Also of a process that has taken over."""
        assert self.world.engine is not None
        forgetting = self.world.engine.forgetting
        forgetting.over, forgetting.costs = self.abuse.ended, self.costs
        self.line.engine = self.world.engine
        self.service._abuse = self.abuse

    def unnoted(self) -> list[Call]:
        return self.world.engine.unnoted_calls() if self.world.engine is not None else []

    def phones(self, phone: Phone, role: str = "") -> None:
        """What they do from now on, all or those of one role."""
        pbx = self.world.pbx
        before = pbx._live

        async def live(chan: Any, ring_ms: int) -> None:
            is_meant = not role or f".{role}." in chan.id
            await (phone(pbx, chan, ring_ms) if is_meant else before(chan, ring_ms))

        pbx._live = live  # type: ignore[method-assign]

    async def later(self, in_s: float) -> None:
        """Without all that would happen every second until then."""
        self.world.loop.now_s += in_s
        await asyncio.sleep(0.1)

    @property
    def rung(self) -> int:
        return len(self.world.pbx.rung)

    async def ended(self, call: str, *, hung_up: bool = True) -> None:
        engine = self.world.engine
        assert engine is not None
        if hung_up:
            engine.cancel(call)
        await until(lambda: engine.mailbox(call) is None, 60)

    async def begun(self, ask: Ask = ASK, key: str | None = None) -> Call:
        """Its callee's phone was rung, or nobody's can be any more."""
        call = await self.place(ask, key=key)
        assert isinstance(call, Call), call
        engine = self.world.engine
        assert engine is not None
        await until(lambda: any(one.startswith(f"{call.id}.callee") for one in self.world.pbx.rung)
                    or engine.mailbox(call.id) is None, 60)  # fmt: skip
        return call

    async def called(self, ask: Ask = ASK) -> Call:
        """And it is over."""
        call = await self.begun(ask)
        await self.ended(call.id)
        return call

    async def refused(self, ask: Ask = ASK) -> Refusal:
        answer = await self.place(ask, key=None)
        assert isinstance(answer, Refusal), answer
        return answer

    async def spend(
        self, amount: int, *, payer: str = PAYER, team: str = "", trunk: str = "other", currency: str = "CNY"
    ) -> None:
        at_ms = self.world.loop.now_ms()
        leg = LegCost(
            f"x{at_ms}{payer}{currency}.callee.0", trunk, BOB, BOB, payer, team, at_ms, at_ms, at_ms, at_ms,
            "answered", 16, 200, 1, "1/1", currency, amount * MICRO, 0,
        )  # fmt: skip
        await self.costs.note([leg])


def at_the_desk(
    story: Callable[[GuardedDesk], Awaitable[None]], *, rules: AttemptRules = RULES, spend: SpendRules | None = None,
    minutes_s: int = 360_000,
) -> None:  # fmt: skip
    desk = GuardedDesk(rules, spend or SpendRules())

    async def told() -> None:
        await desk.open(minutes_s)
        desk.book = desk.service._maker._trunks
        await story(desk)

    run(desk.world.loop, told())


# ---- how often ------------------------------------------------------------------------------------------------------


def test_the_fourth_call_of_a_pair_is_refused_and_nothing_is_rung_or_held_until_the_window_has_passed() -> None:
    async def story(desk: GuardedDesk) -> None:
        for _ in range(3):
            await desk.called()
        rung, account = desk.rung, await desk.world.ledger.read_account(PAYER)

        refusal = await desk.refused()
        assert (refusal.type, refusal.rule, refusal.at) == ("too-many-calls", "pair-3-in-300s", "callee")
        assert "3 times in the last 5 minutes" in refusal.sentence
        assert refusal.retry_after_s is not None
        assert 0 < refusal.retry_after_s <= 300
        assert (desk.rung, await desk.world.ledger.read_account(PAYER)) == (rung, account)
        assert desk.hit == ["pair-3-in-300s"]
        assert len((await desk.world.calls.list(user=PAYER)).call_ids) == 3, "it is no call at all"

        await desk.called(callback_ask(PAYER, ERIN))
        await desk.called(callback_ask("bob", ERIN))
        await desk.later(refusal.retry_after_s)
        await desk.called()

    at_the_desk(story)


def test_all_users_together_ring_a_number_so_often_and_their_own_phones_do_not_count() -> None:
    async def story(desk: GuardedDesk) -> None:
        await desk.called(callback_ask(PAYER, ERIN))
        await desk.called(callback_ask("bob", ERIN))
        refusal = await desk.refused(callback_ask("bob", ERIN))
        assert (refusal.type, refusal.rule) == ("too-many-calls", "number-2-in-600s")
        assert "This number was called 2 times in the last 10 minutes" in refusal.sentence

        await desk.called(callback_ask(PAYER, BOB))
        await desk.called(callback_ask(PAYER, BOB))  # whose phone rang when he called Erin, too
        assert (await desk.refused()).rule == "number-2-in-600s"

    at_the_desk(story, rules=AttemptRules(number=(Limit(2, 600),)))


def test_a_call_that_a_number_s_limit_stops_does_not_count_for_the_pair() -> None:
    async def story(desk: GuardedDesk) -> None:
        await desk.called(callback_ask("bob", ERIN))
        assert (await desk.refused(callback_ask(PAYER, ERIN))).rule == "number-1-in-600s"
        assert not await desk.limits.marks(of_pair(PAYER, ERIN))

    at_the_desk(story, rules=AttemptRules((Limit(3, 300),), (Limit(1, 600),)))


def test_a_caller_who_does_not_answer_has_tried_and_the_number_he_wanted_was_not_rung() -> None:
    async def story(desk: GuardedDesk) -> None:
        desk.phones(busy, "caller")
        for _ in range(3):
            call = await desk.begun()
            await desk.ended(call.id, hung_up=False)
        assert (await desk.refused()).rule == "pair-3-in-300s"
        assert not await desk.limits.marks(NUMBER)

    at_the_desk(story)


def test_numbers_that_begin_as_the_operator_says_are_free() -> None:
    async def story(desk: GuardedDesk) -> None:
        for _ in range(5):
            await desk.called()
        assert not await desk.limits.marks(PAIR)

    at_the_desk(story, rules=replace(RULES, free_prefixes=("+8613800", "+86139")))


def test_the_same_call_asked_for_again_is_answered_and_counts_once() -> None:
    async def story(desk: GuardedDesk) -> None:
        first = await desk.begun(key="order-7")
        for _ in range(4):
            again = await desk.place()
            assert isinstance(again, Call)
            assert again.id == first.id
        assert list(await desk.limits.marks(PAIR)) == [first.id]
        await desk.called()
        await desk.ended(first.id)
        await desk.called()
        await desk.refused()
        assert isinstance(await desk.place(), Call), "what was accepted stays so"

    at_the_desk(story)


def test_of_many_asked_for_at_once_no_more_begin_than_may() -> None:
    async def story(desk: GuardedDesk) -> None:
        desk.service._maker.policy = replace(
            desk.service._maker.policy, terms=replace(desk.service._maker.policy.terms, max_live_calls=20)
        )
        desk.line.calls_max = 100
        answers = await asyncio.gather(*(desk.place(key=None) for _ in range(12)))
        assert sum(isinstance(one, Call) for one in answers) == 3
        assert {one.rule for one in answers if isinstance(one, Refusal)} == {"pair-3-in-300s"}
        await until(lambda: sum(".callee." in one for one in desk.world.pbx.rung) == 3, 60)

    at_the_desk(story)


# ---- what reached no carrier ----------------------------------------------------------------------------------------


def test_calls_that_nobody_could_pay_for_do_not_count_even_before_they_have_ended() -> None:
    async def story(desk: GuardedDesk) -> None:
        engine = desk.world.engine
        assert engine is not None

        async def late(call: Call) -> None:
            await asyncio.sleep(10)
            await desk.abuse.ended(call)

        engine.forgetting.over = late
        for _ in range(5):
            assert (await desk.refused()).type == "balance-empty"
        await desk.world.ledger.grant(
            op="g2", payer=PAYER, kind=Kind.BONUS, seconds=3600, now_ms=desk.world.loop.now_ms()
        )
        await desk.called()

    at_the_desk(story, minutes_s=0)


def test_a_call_too_many_at_once_names_its_rule_and_does_not_count() -> None:
    async def story(desk: GuardedDesk) -> None:
        live = [await desk.begun(callback_ask(PAYER, ERIN)) for _ in range(2)]
        for _ in range(4):
            assert (await desk.refused()).rule == "live-calls"
        await desk.ended(live[0].id)
        await desk.called()

    at_the_desk(story)


def test_a_call_that_could_not_be_written_down_does_not_count_and_does_so_again_if_it_was_after_all() -> None:
    async def story(desk: GuardedDesk) -> None:
        engine = desk.world.engine
        assert engine is not None
        real = engine.calls.create

        async def answer_lost(*args: Any, **more: Any) -> Any:
            await real(*args, **more)
            raise Unavailable("the answer was lost")

        engine.calls.create = answer_lost  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await desk.place()
        assert not await desk.limits.marks(PAIR)

        engine.calls.create = real  # type: ignore[method-assign]
        placed = await desk.begun(key="order-7")  # it was written down, and is gone on with
        await desk.ended(placed.id)
        assert list(await desk.limits.marks(PAIR)) == list(await desk.limits.marks(NUMBER)) == [placed.id]

    at_the_desk(story)


def test_where_the_store_cannot_count_no_call_begins() -> None:
    async def story(desk: GuardedDesk) -> None:
        real = desk.limits.mark

        async def away(*_: Any, **__: Any) -> None:
            raise Unavailable("away")

        desk.limits.mark = away  # type: ignore[method-assign]
        with pytest.raises(Unavailable):
            await desk.place(key=None)
        assert desk.rung == 0
        assert (await desk.world.ledger.read_account(PAYER)).held_s == 0

        async def away_for_numbers(what: Any, *args: Any, **more: Any) -> Any:
            return await (away if what.kind == "number" else real)(what, *args, **more)

        desk.limits.mark = away_for_numbers  # type: ignore[method-assign]
        for _ in range(4):
            with pytest.raises(Unavailable):
                await desk.place(key=None)
        assert not await desk.limits.marks(PAIR)

    at_the_desk(story)


def test_the_next_process_puts_the_marks_of_a_dead_one_right() -> None:
    """It died between the mark and the dial; and the store has lost the mark of a call that was placed."""

    async def story(desk: GuardedDesk) -> None:
        dialled = await desk.begun()
        desk.world.pbx.cut_link()  # so that the next one is accepted, and dials nobody
        engine = desk.world.engine
        assert engine is not None
        made = await desk.service._maker.make(callback_ask(PAYER, ERIN), "c" + "b" * 26)
        assert isinstance(made, Call)
        assert await desk.abuse.refused(made) is None
        await desk.world.calls.create(
            made.id, _encoded(made), node="n", user_ids=(PAYER,), created_at_ms=made.created_at_ms, events=[]
        )
        await desk.world.crash()
        for what in (PAIR, NUMBER):
            await desk.limits.take_back(what, dialled.id)
        desk.world.loop.now_s += 60  # nobody waits for the call that was not begun any more: it is ended
        await desk.world.boot()
        desk.put_up_limits()

        assert desk.world.engine is not None
        await desk.world.engine.until_recovered()
        await desk.ended(made.id, hung_up=False)
        await desk.ended(dialled.id)
        assert not await desk.limits.marks(of_pair(PAYER, ERIN))
        assert not await desk.limits.marks(of_number(ERIN))
        assert list(await desk.limits.marks(PAIR)) == list(await desk.limits.marks(NUMBER)) == [dialled.id]

    at_the_desk(story)


def _encoded(call: Call) -> bytes:
    from ari_app.engine import records

    return records.encode(call)


# ---- how dear -------------------------------------------------------------------------------------------------------

USER_STOP = SpendRules(user=Spend(10 * MICRO, 20 * MICRO))


def test_a_user_at_his_stop_places_no_call_until_the_day_turns() -> None:
    async def story(desk: GuardedDesk) -> None:
        await desk.spend(9)
        await desk.called()
        assert desk.alarms == []
        await desk.spend(10)
        await desk.called()
        await desk.called()
        assert desk.alarms == ["user"], "told once"
        await desk.spend(1)
        rung = desk.rung
        refusal = await desk.refused()
        assert (refusal.type, refusal.rule, desk.rung) == ("too-many-calls", "user-spend-a-day", rung)
        assert not (await desk.world.ledger.read_account(PAYER)).held_s
        assert refusal.retry_after_s is not None
        assert refusal.retry_after_s <= 86_400
        await desk.called(callback_ask("bob", ERIN))

        await desk.later(refusal.retry_after_s - 5)
        assert (await desk.refused()).rule == "user-spend-a-day"
        await desk.later(5)
        await desk.called()

    at_the_desk(story, spend=USER_STOP)


def test_currencies_are_not_added_up_and_each_has_the_same_stop() -> None:
    async def story(desk: GuardedDesk) -> None:
        await desk.spend(15, currency="USD")
        await desk.spend(15, currency="CNY")
        await desk.called()
        await desk.spend(5, currency="EUR")
        await desk.called()
        await desk.spend(20, currency="JPY")
        await desk.refused()

    at_the_desk(story, spend=USER_STOP)


def test_what_live_calls_have_cost_so_far_counts() -> None:
    async def story(desk: GuardedDesk) -> None:
        desk.book.replace([replace(desk.book.trunks[0], price_micro_per_min=5 * MICRO)])
        call = await desk.begun()
        await asyncio.sleep(65)  # two legs, two minutes begun: 20
        await desk.called(callback_ask("bob", ERIN))
        assert (await desk.refused(callback_ask(PAYER, ERIN))).rule == "user-spend-a-day"
        await desk.ended(call.id)
        assert (await desk.refused(callback_ask(PAYER, ERIN))).rule == "user-spend-a-day", "and now it is noted"

    at_the_desk(story, spend=USER_STOP)


def test_what_a_call_has_cost_counts_while_it_is_being_noted_too() -> None:
    """The store's disk is slow, or the store is away: the call has ended, and nobody may call for what it cost."""

    async def story(desk: GuardedDesk) -> None:
        desk.book.replace([replace(desk.book.trunks[0], price_micro_per_min=5 * MICRO)])
        note, may_note = desk.costs.note, asyncio.Event()

        async def late(legs: Sequence[LegCost]) -> None:
            await may_note.wait()
            await note(legs)

        desk.costs.note = late  # type: ignore[method-assign]
        call = await desk.begun()
        await asyncio.sleep(65)  # two legs, two minutes begun: 20
        engine = desk.world.engine
        assert engine is not None
        engine.cancel(call.id)
        await until(lambda: call.id not in [one.id for one in engine.live_calls()], 60)
        assert [one.id for one in desk.unnoted()] == [call.id]
        assert not desk.costs.all()
        assert (await desk.refused(callback_ask(PAYER, ERIN))).rule == "user-spend-a-day"
        may_note.set()
        await until(lambda: not desk.unnoted())
        assert len(desk.costs.all()) == 2
        assert await desk.spending._spent("user", PAYER) == {"CNY": 20 * MICRO}

    at_the_desk(story, spend=USER_STOP)


def test_the_last_call_of_the_day_sets_the_alarm_off_too() -> None:
    async def story(desk: GuardedDesk) -> None:
        desk.book.replace([replace(desk.book.trunks[0], price_micro_per_min=5 * MICRO)])
        await desk.called()
        assert desk.alarms == ["user"]

    at_the_desk(story, spend=USER_STOP)


def test_a_team_at_its_stop_stops_those_who_call_on_its_plan() -> None:
    async def story(desk: GuardedDesk) -> None:
        async def entitled(user: User) -> Entitlement:
            return replace(shipped().best(), team="acme" if user.id == PAYER else "")

        desk.service._maker._entitled = entitled
        call = await desk.called()
        assert call.team == "acme"
        await desk.spend(30, payer="carol", team="acme")
        refusal = await desk.refused()
        assert refusal.rule == "team-spend-a-day"
        assert "team" in refusal.sentence
        assert desk.alarms == ["team"]
        await desk.called(callback_ask("bob", ERIN))

    at_the_desk(story, spend=SpendRules(team=Spend(10 * MICRO, 20 * MICRO)))


def test_a_trunk_at_its_stop_is_passed_over_and_comes_back_with_the_next_day() -> None:
    async def story(desk: GuardedDesk) -> None:
        dear = replace(desk.book.trunks[0], name="dear", priority=1, spend_alarm_micro=MICRO, spend_max_micro=2 * MICRO)
        book = TrunkBook([dear, Trunk("cheap", "127.0.0.1")], is_spent=desk.spending.is_spent)
        desk.service._maker._trunks = desk.book = book

        async def trunks() -> list[str]:
            await desk.spending.look()
            return [route.trunk for route in (await desk.called()).leg("callee").routes]

        assert await trunks() == ["dear", "cheap"]
        await desk.spend(1, trunk="dear")
        assert (await trunks(), desk.alarms) == (["dear", "cheap"], ["trunk"])
        await desk.spend(2, trunk="dear", currency="USD")
        assert await trunks() == ["cheap"]

        book.replace([dear])
        rung = desk.rung
        refusal = await desk.refused(callback_ask(PAYER, ERIN))
        assert (refusal.type, desk.rung) == ("no-capacity", rung)
        assert refusal.retry_after_s

        await desk.later(86_400)
        assert await trunks() == ["dear"]

    at_the_desk(story)
