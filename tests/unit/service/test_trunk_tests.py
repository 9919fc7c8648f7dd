"""A test call over one trunk: it goes where it was asked to go, ends by itself whatever dies, takes nobody's minutes
and is owed all the same. The real engine on virtual time."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.desks.trunk_tests import TrunkTestAsk, TrunkTests
from ari_app.domain.call import Call
from ari_app.engine.asks import Refusal
from tests.laws import phones
from tests.laws.stories import let_phones_be, stored, until_settled
from tests.laws.world import PAYER
from tests.unit.service.lines import fleet_of
from tests.unit.service.test_asking_again import Desk, at_the_desk

ASK = TrunkTestAsk("t", "+8613900000005", 2)


async def asked(desk: Desk, ask: TrunkTestAsk = ASK, key: str | None = None) -> Call | Refusal | None:
    service, world = desk.service, desk.world
    assert world.engine is not None
    fleet = fleet_of(desk.line, world.engine.calls)
    tests = TrunkTests(fleet, service, service.maker._trunks, service.maker._read, world.loop.now_ms)
    return await tests.test_trunk(ask, owner="shop", idempotency_key=key)


async def begun(desk: Desk, ask: TrunkTestAsk = ASK, key: str | None = None) -> Call:
    call = await asked(desk, ask, key)
    assert isinstance(call, Call)
    return call


def verdict(call: Call) -> tuple[str, str]:
    assert call.end is not None
    return call.end.reason.value, call.end.by.value


def test_one_phone_is_rung_over_that_trunk_and_hung_up_after_the_time_that_was_asked_for() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        call = await begun(desk)
        done = await until_settled(desk.world, call.id)
        [phone] = done.legs
        assert [route.trunk for route in phone.routes] == ["t"]
        assert (phone.routes[0].shown, phone.routes[0].why) == ("+864001234567", "not_verified")
        assert phone.last is not None
        assert 2_000 <= (phone.last.ended_at_ms or 0) - (phone.last.answered_at_ms or 0) < 2_200
        assert verdict(done) == ("completed", "system")
        assert list(desk.world.pbx.rung.values()) == [1]

    at_the_desk(story)


def test_nobodys_minutes_are_taken_and_the_carrier_is_owed_its_price() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        before = desk.world.account()
        call = await begun(desk)
        await until_settled(desk.world, call.id)
        await asyncio.sleep(5)
        assert desk.world.account() == before
        assert "" not in desk.world.ledger.accounts
        [cost] = desk.world.costs.all()
        assert (cost.leg, cost.trunk, cost.payer, cost.outcome) == (f"{call.id}.callee.0", "t", "", "answered")
        assert not (await desk.world.calls.list(user=PAYER, since_ms=None, cursor=None, limit=9)).call_ids
        assert len((await desk.world.calls.list(user=None, since_ms=None, cursor=None, limit=9)).call_ids) == 1

    at_the_desk(story)


def test_it_ends_though_the_app_dies_as_it_is_answered() -> None:
    """By the timer that the phone's channel was born with."""

    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        call = await begun(desk)
        await desk.world.crash()
        await asyncio.sleep(40)
        assert desk.world.pbx.channels == {}
        await desk.world.boot()
        done = await until_settled(desk.world, call.id)
        assert done.legs[0].answered_at_ms is not None
        await asyncio.sleep(5)
        assert len(desk.world.costs.all()) == 1, "what was not seen is owed, too"

    at_the_desk(story)


def test_one_that_goes_on_is_gone_on_with_by_the_next_process() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        call = await begun(desk, TrunkTestAsk("t", "+8613900000005", 60))
        await asyncio.sleep(10)
        await desk.world.crash()
        await desk.world.boot()
        done = await until_settled(desk.world, call.id)
        assert verdict(done) == ("completed", "system")
        assert list(desk.world.pbx.rung.values()) == [1], "nobody is rung again"

    at_the_desk(story)


def test_nobody_answers() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world, callee=phones.rings_for_ever)
        done = await until_settled(desk.world, (await begun(desk)).id)
        assert verdict(done) == ("callee_no_answer", "system")
        assert desk.world.pbx.channels == {}

    at_the_desk(story)


def test_a_busy_phone_is_told_as_such() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world, callee=phones.busy)
        done = await until_settled(desk.world, (await begun(desk)).id)
        assert verdict(done) == ("callee_busy", "callee")

    at_the_desk(story)


def test_asked_again_with_its_key_it_is_the_same_test() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        first = await begun(desk, key="k")
        await until_settled(desk.world, first.id)
        assert (await begun(desk, key="k")).id == first.id
        other = await asked(desk, TrunkTestAsk("t", "+8613900000006", 2), key="k")
        assert isinstance(other, Refusal)
        assert other.type == "idempotency-conflict"
        assert list(desk.world.pbx.rung.values()) == [1]

    at_the_desk(story)


@pytest.mark.parametrize(
    ("number", "type"),
    [("110", "emergency-number"), ("+12025550100", "destination-blocked"), ("bob", "invalid-number")],
)
def test_what_is_never_dialled_is_not_dialled_for_a_test_either(number: str, type: str) -> None:
    async def story(desk: Desk) -> None:
        answer = await asked(desk, TrunkTestAsk("t", number, 2))
        assert isinstance(answer, Refusal)
        assert (answer.type, answer.at) == (type, "number")
        assert desk.world.pbx.rung == {}

    at_the_desk(story)


def test_of_a_trunk_that_is_not_there_there_is_no_test() -> None:
    async def story(desk: Desk) -> None:
        assert await asked(desk, TrunkTestAsk("nobody", "+8613900000005", 2)) is None

    at_the_desk(story)


def test_while_the_service_is_about_to_stop_no_test_begins() -> None:
    async def story(desk: Desk) -> None:
        desk.service.is_draining = True
        answer = await asked(desk)
        assert isinstance(answer, Refusal)
        assert answer.type == "draining"

    at_the_desk(story)


def test_it_can_be_broken_off() -> None:
    async def story(desk: Desk) -> None:
        let_phones_be(desk.world)
        call = await begun(desk, TrunkTestAsk("t", "+8613900000005", 60))
        await asyncio.sleep(10)
        assert desk.world.engine is not None
        desk.world.engine.cancel(call.id)
        assert verdict(await until_settled(desk.world, call.id)) == ("completed", "api")
        assert stored(desk.world, call.id).legs[0].answered_at_ms is not None

    at_the_desk(story)
