"""The ways to a user with devices, as a call is accepted: devices, then trunks. The real maker, without a PBX."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.call import CALLEE, CALLER, Call, LegState, Terms, Try
from ari_app.domain.costing import leg_costs
from ari_app.domain.numbers import Rules
from ari_app.domain.trunks import Trunk
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Policy, Refusal
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.making import CallMaker, Person
from ari_app.engine.on_net import OnNet
from ari_app.engine.trunk_book import TrunkBook
from ari_app.flows import verification
from ari_app.ports.devices import Device
from ari_app.ports.users import OwnedNumber, User
from tests.support import callback_ask, personal

PLATFORM, ANNS, BOBS, NOBODYS = "+864001234567", "+8613900000001", "+8613900000002", "+8613900000003"
HAS = {"ann": ("rbdann",), "bob": ("rbdbob1", "rbdbob2")}
TRUNKS = (Trunk("t1", "a", priority=1), Trunk("t2", "b", priority=2))


def devices_of(user: str) -> list[Device]:
    return [Device(f"v{name}", user, "", "udp", name, "", 1) for name in HAS.get(user, ())]


async def a_maker(*trunks: Trunk, lines: MemoryLines | None = None, is_proved: bool = True) -> CallMaker:
    users, book = MemoryUsers(), TrunkBook(trunks)
    for user, number in (("ann", ANNS), ("bob", BOBS)):
        await users.put(User(user, (OwnedNumber(number, "admin" if is_proved or user == "bob" else None, 1),)))
    return CallMaker(
        users=users, read_number=PhoneNumbers("CN").read, trunks=book, now_ms=lambda: 0, entitled=personal,
        policy=Policy(Terms(), PLATFORM, Rules(("CN",)), 45_000, 60_000, tries_max=9),
        lines=LinesNow(lines, book) if lines else None, on_net=OnNet(devices_of, 20_000, 2_500, PLATFORM),
    )  # fmt: skip


async def made(*trunks: Trunk, caller: str = "ann", callee: str = "bob") -> Call:
    call = await (await a_maker(*trunks)).make(callback_ask(caller, callee), "c1")
    assert isinstance(call, Call)
    return call


def ways(call: Call, role: str) -> list[str]:
    return [route.device or route.trunk for route in call.leg(role).routes]


@pytest.mark.parametrize("caller", ["ann", ANNS])
@pytest.mark.parametrize("callee", ["bob", BOBS])
async def test_devices_come_before_trunks_whether_he_is_named_by_id_or_by_number(caller: str, callee: str) -> None:
    call = await made(*TRUNKS, caller=caller, callee=callee)
    assert ways(call, CALLER) == ["rbdann", "t1", "t2"]
    assert ways(call, CALLEE) == ["rbdbob1", "rbdbob2", "t1", "t2"]
    assert {(route.ring_ms, route.pdd_ms) for route in call.leg(CALLEE).routes if route.device} == {(20_000, 2_500)}


async def test_a_number_that_is_nobodys_has_no_devices() -> None:
    assert ways(await made(*TRUNKS, callee=NOBODYS), CALLEE) == ["t1", "t2"]


async def test_a_partner_who_only_says_that_a_number_is_his_users_gets_no_calls_of_others_to_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(HAS, "eve@acme", ("rbdeve",))
    maker = await a_maker(*TRUNKS)
    for how, callees_way in ((None, "t1"), ("admin", "rbdeve")):
        await maker._users.put(User("eve@acme", (OwnedNumber(NOBODYS, how, 1),)))
        call = await maker.make(callback_ask("ann", NOBODYS), f"c{how}")
        assert isinstance(call, Call)
        assert ways(call, CALLEE)[0] == callees_way


async def test_a_device_sees_the_proved_number_of_who_calls_whatever_a_carrier_allows() -> None:
    call = await made(*TRUNKS)
    shown = [(route.shown, route.why) for route in call.leg(CALLEE).routes]
    assert shown == [(ANNS, "verified"), (ANNS, "verified"), (PLATFORM, "trunk_policy"), (PLATFORM, "trunk_policy")]
    assert {(route.shown, route.why) for route in call.leg(CALLER).routes} == {(PLATFORM, "to_caller")}


async def test_who_has_a_device_can_be_called_where_no_trunk_goes() -> None:
    call = await made(Trunk("t1", "a", prefixes=("+86139000000",)), caller="ann")
    assert ways(call, CALLEE) == ["rbdbob1", "rbdbob2", "t1"]
    maker = await a_maker(Trunk("far", "a", prefixes=("+852",)))
    call_on_net = await maker.make(callback_ask("ann", "bob"), "c1")
    assert isinstance(call_on_net, Call)
    assert isinstance(await maker.make(callback_ask("ann", NOBODYS), "c2"), Refusal)


async def test_who_has_a_device_is_called_though_all_lines_are_taken() -> None:
    lines = MemoryLines()
    maker = await a_maker(Trunk("small", "a", max_channels=1), lines=lines)
    await lines.take("small", "other.caller.0", max_channels=1, max_cps=0)
    assert isinstance(await maker.make(callback_ask("ann", "bob"), "c1"), Call)
    refused = await maker.make(callback_ask("ann", NOBODYS), "c2")
    assert isinstance(refused, Refusal)
    assert refused.type == "no-capacity"


async def test_a_number_that_is_to_be_proved_is_rung_itself() -> None:
    [party] = verification.wants(verification.Request("bob", BOBS)).parties
    maker = await a_maker(*TRUNKS)
    for asked, first in ((party, "t1"), (Party(CALLEE, BOBS, "callee"), "rbdbob1")):
        person = await maker.anyone(asked)
        assert isinstance(person, Person)
        leg = maker.leg(person, None, "c1")
        assert not isinstance(leg, Refusal)
        assert (leg.routes[0].device or leg.routes[0].trunk) == first


async def test_a_ring_of_a_device_costs_no_carrier_anything() -> None:
    call = await made(*TRUNKS)
    up = Try(LegState.GONE, 1, 2, None, 3, None, 90_000, cause=16, how="remote")
    talked = replace(call, legs=tuple(replace(leg, tries=(up,)) for leg in call.legs))
    assert list(leg_costs(talked)) == []
