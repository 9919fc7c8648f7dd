"""A conference at the door for calls, and one more phone for one that goes on: who may be rung, and how often. The real
engine on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from ari_app.domain.call import Call
from ari_app.domain.events import LegAdded, Told
from ari_app.domain.wanted import Party
from ari_app.engine.adding import Adding
from ari_app.engine.asks import Refusal, ask_of
from tests.laws.phones import busy
from tests.laws.stories import stored
from tests.laws.world import PAYER
from tests.support import until
from tests.unit.service.test_called_too_often import AttemptRules, GuardedDesk, Limit, at_the_desk

RULES = AttemptRules((Limit(3, 300),), (Limit(30, 3600),))
FIRST, SECOND, THIRD = (f"+861390000000{n}" for n in (5, 6, 7))


class HallDesk:
    def __init__(self, desk: GuardedDesk) -> None:
        self.desk = desk
        policy = replace(desk.service.maker.policy, phones_max={"personal": 3})
        desk.service.maker.policy = policy
        desk.service._adding = Adding(desk.service.maker, desk.abuse, desk.service._fleet.tell)

    async def begin(self, *others: str) -> Call | Refusal:
        return await self.desk.place(ask_of({"host": PAYER, "participants": others}, "conference"), key=None)

    async def begun(self, *others: str) -> Call:
        call = await self.begin(*others)
        assert isinstance(call, Call), call
        await until(lambda: len(self.desk.world.pbx.rung) > len(others), 60)
        return self.now(call)

    def now(self, call: Call) -> Call:
        assert self.desk.world.engine is not None
        box = self.desk.world.engine.mailbox(call.id)
        assert box is not None
        return box.call

    async def add(self, call: Call, who: str, ask: str = "a1") -> Call | Refusal:
        party = Party("p", who, "participant", shows_payer=True)
        return await self.desk.service.add(self.now(call), party, host=PAYER, ask=ask)

    async def refusal(self, call: Call, who: str, ask: str = "a1") -> tuple[str, str, str]:
        answer = await self.add(call, who, ask)
        assert isinstance(answer, Refusal), answer
        return answer.type, answer.at, answer.rule


def in_the_hall(story: Callable[[HallDesk], Awaitable[None]], minutes_s: int = 36_000) -> None:
    async def told(desk: GuardedDesk) -> None:
        await story(HallDesk(desk))

    at_the_desk(told, rules=RULES, minutes_s=minutes_s)


def test_more_than_the_plan_allows_are_refused_and_the_first_too_many_is_named() -> None:
    async def story(hall: HallDesk) -> None:
        answer = await hall.begin(FIRST, SECOND, THIRD)
        assert isinstance(answer, Refusal)
        assert (answer.type, answer.at, answer.rule) == ("too-many-participants", "participants.2", "phones-3")
        assert hall.desk.rung == 0

    in_the_hall(story)


def test_who_cannot_pay_for_two_is_refused_and_nobody_is_rung() -> None:
    async def story(hall: HallDesk) -> None:
        answer = await hall.begin(FIRST)
        assert isinstance(answer, Refusal)
        assert answer.type == "balance-empty"
        assert hall.desk.rung == 0

    in_the_hall(story, minutes_s=119)


def test_one_more_is_rung_once_for_each_ask() -> None:
    async def story(hall: HallDesk) -> None:
        call = await hall.begun(FIRST)
        first, again = await hall.add(call, SECOND), await hall.add(call, SECOND)
        assert isinstance(first, Call)
        assert isinstance(again, Call)
        assert [leg.role for leg in again.legs] == ["host", "p1", "p2"]
        await until(lambda: f"{call.id}.p2.0" in hall.desk.world.pbx.rung, 60)
        assert await hall.refusal(call, THIRD) == ("idempotency-conflict", "Idempotency-Key", "")
        assert await hall.refusal(call, SECOND, "a2") == ("participant-there", "participant", "")
        assert await hall.refusal(call, THIRD, "a3") == ("too-many-participants", "participant", "phones-3")

    in_the_hall(story)


def test_each_ring_of_one_who_is_busy_counts() -> None:
    """Else a conference would be a way around the limits on how often one number is called."""

    async def story(hall: HallDesk) -> None:
        hall.desk.phones(busy, "p1")
        for n in (2, 3, 4):
            hall.desk.phones(busy, f"p{n}")
        call = await hall.begun(FIRST)
        for n in (1, 2):
            await until(lambda: not hall.now(call).legs[-1].is_live and bool(hall.now(call).legs[-1].tries), 60)
            assert isinstance(await hall.add(call, FIRST, f"a{n}"), Call)
        await until(lambda: not hall.now(call).legs[-1].is_live and bool(hall.now(call).legs[-1].tries), 60)
        assert await hall.refusal(call, FIRST, "a3") == ("too-many-calls", "participant", "pair-3-in-300s")
        assert len(hall.now(call).legs) == 4

    in_the_hall(story)


def test_the_host_is_not_called_by_himself() -> None:
    """However often he has conferences: he is rung as the one who pays."""

    async def story(hall: HallDesk) -> None:
        for n, other in enumerate((FIRST, SECOND, THIRD, "+8613900000008"), 1):
            call = await hall.begin(other)
            assert isinstance(call, Call), call
            await until(lambda n=n: hall.desk.rung >= 2 * n, 60)  # type: ignore[misc]
            await hall.desk.ended(call.id)

    in_the_hall(story)


def test_who_is_taken_out_before_his_dial_was_written_down_is_not_rung() -> None:
    async def story(hall: HallDesk) -> None:
        call = await hall.begun(FIRST)
        world = hall.desk.world
        assert world.engine is not None
        box = world.engine.mailbox(call.id)
        assert box is not None
        world.away_until_s = world.loop.now_s + 5
        box.post(LegAdded(replace(box.call.leg("p1"), role="p", tries=()), "a1", box.call.now_ms, stem="p"))
        await until(lambda: "dial:p2:0" in box.call.asked, 5)
        box.post(Told("p2", "leave", "a2", box.call.now_ms))
        await until(lambda: {"a1", "a2"} <= stored(world, call.id).asks, 20)
        await asyncio.sleep(5)
        assert f"{call.id}.p2.0" not in world.pbx.rung
        assert not box.call.leg("p2").tries

    in_the_hall(story)
