"""The same Idempotency-Key again: one call and one answer, whatever goes on. The real engine on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.call import Call, Terms
from ari_app.domain.ledger_types import Kind
from ari_app.domain.numbers import CallerId, Rules
from ari_app.domain.trunks import Trunk
from ari_app.engine import records
from ari_app.engine.asks import Ask, Policy, Refusal
from ari_app.engine.service import CallService, call_id
from ari_app.engine.trunk_book import TrunkBook
from ari_app.flows import flows
from ari_app.ports.users import OwnedNumber, User
from tests.laws.virtual_time import run
from tests.laws.world import PAYER, World, callback_call
from tests.support import callback_ask, personal, until
from tests.unit.service.lines import OneNode, fleet_of

T = TypeVar("T")
BOB = "+8613900000005"
ASK = callback_ask(PAYER, BOB)
OTHER = callback_ask(PAYER, "+8613900000006")


class Desk:
    """The door for calls, in a world without any trouble of its own."""

    def __init__(self) -> None:
        self.world = World(3, flows()["callback"], callback_call)
        self.world.trouble = 0.0
        self.users = MemoryUsers()
        self.service: CallService
        self.line: OneNode

    async def open(self, minutes_s: int) -> None:
        here = asyncio.current_task()
        assert here is not None
        here.set_name("world")
        world = self.world
        if minutes_s:
            now_ms = world.loop.now_ms()
            await world.ledger.grant(op="g", payer=PAYER, kind=Kind.BONUS, seconds=minutes_s, now_ms=now_ms)
        await world.boot()
        assert world.engine is not None
        await world.engine.until_recovered()
        for name, number in ((PAYER, "+8613900000001"), ("bob", BOB)):
            await self.users.put(User(name, (OwnedNumber(number, "admin", 1),)))
        self.line = OneNode(world.engine)
        policy = Policy(
            terms=Terms(), platform_number="+864001234567", rules=Rules(("CN",), (), True),
            caller_ring_ms=15_000, callee_ring_ms=15_000, tries_max=2,
        )  # fmt: skip
        self.service = CallService(
            fleet=fleet_of(self.line, world.engine.calls), users=self.users, is_resolved=world.engine.is_resolved,
            read_number=PhoneNumbers("CN").read,
            trunks=TrunkBook([Trunk("t", "127.0.0.1", caller_id=CallerId("verified"))]),
            policy=policy, now_ms=world.loop.now_ms, entitled=personal,
        )  # fmt: skip

    async def place(self, ask: Ask = ASK, key: str | None = "order-7") -> Call | Refusal:
        return await self.service.place(ask, owner="shop", idempotency_key=key)

    async def placed(self) -> Call:
        answer = await self.place()
        assert isinstance(answer, Call)
        return answer


def at_the_desk(story: Callable[[Desk], Awaitable[T]], *, minutes_s: int = 3600) -> T:
    desk = Desk()

    async def told() -> T:
        await desk.open(minutes_s)
        return await story(desk)

    return run(desk.world.loop, told())


def test_two_at_the_same_time_have_the_same_answer() -> None:
    async def story(desk: Desk) -> None:
        real = desk.world.ledger.hold

        async def slow_hold(**asked: Any) -> Any:
            await asyncio.sleep(1)
            return await real(**asked)

        desk.world.ledger.hold = slow_hold  # type: ignore[method-assign]
        answers = await asyncio.gather(desk.place(), desk.place(), desk.place())
        assert [one.type if isinstance(one, Refusal) else one.id for one in answers] == ["balance-empty"] * 3
        assert len({one.call for one in answers if isinstance(one, Refusal)}) == 1
        again = await desk.place()
        assert isinstance(again, Refusal)
        assert again.type == "balance-empty"

    at_the_desk(story, minutes_s=0)


def test_a_repeat_is_answered_while_new_calls_are_not_taken() -> None:
    async def story(desk: Desk) -> None:
        placed = await desk.placed()
        engine = desk.world.engine
        assert engine is not None

        async def repeat_is_answered(why_not_new: str) -> None:
            again, other, new = await desk.place(), await desk.place(OTHER), await desk.place(key="order-8")
            assert isinstance(again, Call)
            assert again.id == placed.id
            assert isinstance(other, Refusal)
            assert other.type == "idempotency-conflict"
            assert isinstance(new, Refusal)
            assert new.type == why_not_new

        desk.service.is_draining = True
        await repeat_is_answered("draining")
        desk.service.is_draining = False
        desk.world.pbx.cut_link()
        await until(lambda: not engine.sees_pbx)
        await repeat_is_answered("no-capacity")
        desk.world.pbx.reconnect()
        await engine.until_recovered()
        desk.line.calls_max = 1
        await repeat_is_answered("no-capacity")

    at_the_desk(story)


def test_a_repeat_of_what_ended_long_ago_gives_that_call() -> None:
    async def story(desk: Desk) -> None:
        placed = await desk.placed()
        engine = desk.world.engine
        assert engine is not None
        engine.cancel(placed.id)
        await until(lambda: engine.mailbox(placed.id) is None)
        desk.service.is_draining = True
        again = await desk.placed()
        assert again.id == placed.id
        assert again.settled is not None

    at_the_desk(story)


def test_a_key_whose_call_is_forgotten_is_refused() -> None:
    """The record goes after `call_days`; the ledger remembers what that call held longer than that, and would take it
    for minutes that the new one holds."""

    async def story(desk: Desk) -> None:
        engine, calls = desk.world.engine, desk.world.calls
        assert engine is not None
        placed = await desk.placed()
        engine.cancel(placed.id)
        await until(lambda: engine.mailbox(placed.id) is None)
        assert (await desk.placed()).id == placed.id
        for index in (calls._calls, calls._events, calls._all):
            index.pop(placed.id)  # type: ignore[attr-defined]
        rung = dict(desk.world.pbx.rung)
        refused = await desk.place()
        assert isinstance(refused, Refusal)
        assert refused.type == "idempotency-conflict"
        assert desk.world.pbx.rung == rung
        assert isinstance(await desk.place(key="order-8"), Call)

    at_the_desk(story)


def test_a_call_that_was_placed_and_ended_while_its_twin_was_looked_at_is_the_answer() -> None:
    async def story(desk: Desk) -> None:
        engine, make = desk.world.engine, desk.service._maker.make
        assert engine is not None
        go_on = asyncio.Event()

        async def slow_for_the_first(ask: Ask, new_id: str) -> Call | Refusal:
            if not go_on.is_set():
                desk.service._maker.make = make  # type: ignore[method-assign]
                await go_on.wait()
            return await make(ask, new_id)

        desk.service._maker.make = slow_for_the_first  # type: ignore[method-assign]
        first = asyncio.create_task(desk.placed())
        await asyncio.sleep(0.1)
        second = await desk.placed()
        engine.cancel(second.id)
        await until(lambda: engine.mailbox(second.id) is None)
        rung = dict(desk.world.pbx.rung)
        go_on.set()
        assert (await first).id == second.id
        await asyncio.sleep(5)
        assert desk.world.pbx.rung == rung

    at_the_desk(story)


def test_a_call_is_in_nobody_s_list_who_asked_with_its_key_for_another() -> None:
    async def story(desk: Desk) -> None:
        engine, ask_of_bob = desk.world.engine, callback_ask("bob", "+8613900000006")
        assert engine is not None
        created, conflicts = asyncio.Event(), []
        real = engine.calls.create

        async def late_for_bob(*args: Any, **more: Any) -> Any:
            if "bob" in more["user_ids"][:1]:
                await created.wait()
                desk.world.calls._of_user.setdefault("bob", {})[args[0]] = more["created_at_ms"]
                desk.world.calls._live.setdefault("n", set()).add(args[0])
            return await real(*args, **more)

        engine.calls.create = late_for_bob  # type: ignore[method-assign]

        async def bob() -> None:
            conflicts.append(await desk.place(ask_of_bob))

        asking = asyncio.create_task(bob())
        await asyncio.sleep(1)
        placed = await desk.service.place(
            callback_ask(PAYER, "+8613900000006"), owner="shop", idempotency_key="order-7"
        )
        assert isinstance(placed, Call)
        engine.cancel(placed.id)
        await until(lambda: engine.mailbox(placed.id) is None)
        created.set()
        await asking
        assert [one.type for one in conflicts if isinstance(one, Refusal)] == ["idempotency-conflict"]
        await until(lambda: not desk.world.calls._of_user["bob"])
        await until(lambda: not desk.world.calls._live["n"])
        assert (await desk.world.calls.list(user=PAYER)).call_ids == (placed.id,)

    at_the_desk(story)


def test_a_call_whose_creation_was_answered_to_nobody_is_tended() -> None:
    async def story(desk: Desk) -> None:
        engine = desk.world.engine
        assert engine is not None
        made = await desk.service._maker.make(ASK, call_id("shop", "order-7"))
        assert isinstance(made, Call)
        await desk.world.calls.create(
            made.id, records.encode(made), node="n", user_ids=(PAYER,), created_at_ms=made.created_at_ms, events=[]
        )
        placed = await desk.placed()
        assert placed.id == made.id
        assert placed.held_s > 0
        assert engine.mailbox(made.id) is not None

    at_the_desk(story)


def test_a_callee_named_by_his_number_is_that_user_and_finds_the_call_in_his_list() -> None:
    async def story(desk: Desk) -> None:
        placed = await desk.placed()
        assert [(leg.user, leg.number) for leg in placed.legs] == [(PAYER, "+8613900000001"), ("bob", BOB)]
        for user in (PAYER, "bob"):
            assert (await desk.world.calls.list(user=user)).call_ids == (placed.id,)

    at_the_desk(story)
