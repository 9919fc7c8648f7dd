"""What each leg of an accepted call dials and shows on each trunk that may carry it. The real maker, without a PBX."""

from __future__ import annotations

import pytest

from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.call import Call, Route, Terms
from ari_app.domain.numbers import CallerId, Rules
from ari_app.domain.rates import Rate
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Policy, Refusal
from ari_app.engine.making import CallMaker
from ari_app.engine.trunk_book import TrunkBook
from ari_app.ports.users import OwnedNumber, User
from tests.support import callback_ask, personal

PLATFORM, MINE, OTHER = "+864001234567", "+8613900000001", "+8613900000002"
FIXED, POOL = "+861055550000", ("+861055550001", "+861055550002")

PLATFORM_ONLY = Trunk("platform", "a", priority=1)
VERIFIED = Trunk("verified", "b", priority=2, caller_id=CallerId("verified"))
FIXED_ONE = Trunk("fixed", "c", priority=3, caller_id=CallerId("fixed", (FIXED,)))
OF_A_POOL = Trunk("pool", "d", priority=4, caller_id=CallerId("pool", POOL))
ALL = (PLATFORM_ONLY, VERIFIED, FIXED_ONE, OF_A_POOL)


async def made(
    *trunks: Trunk, caller: str = "alice", callee: str = OTHER, is_proved: bool = True, id: str = "c1"
) -> Call | Refusal:
    users, numbers = MemoryUsers(), PhoneNumbers("CN", ("HK",))
    await users.put(User("alice", (OwnedNumber(MINE, "admin" if is_proved else None, 1),)))
    policy = Policy(Terms(), PLATFORM, Rules(("CN", "HK")), 1000, 1000, tries_max=9)
    maker = CallMaker(
        users=users, read_number=numbers.read, policy=policy, trunks=TrunkBook(trunks), now_ms=lambda: 0,
        entitled=personal, national=numbers.national,
    )  # fmt: skip
    return await maker.make(callback_ask(caller, callee), id)


async def routes(*trunks: Trunk, role: str = "callee", callee: str = OTHER, id: str = "c1") -> tuple[Route, ...]:
    call = await made(*trunks, callee=callee, id=id)
    assert isinstance(call, Call)
    return call.leg(role).routes


async def test_each_trunk_that_is_tried_shows_by_its_own_rule() -> None:
    shows = {one.trunk: (one.shown, one.why) for one in await routes(*ALL)}

    assert shows["platform"] == (PLATFORM, "trunk_policy")
    assert shows["verified"] == (MINE, "verified")
    assert shows["fixed"] == (FIXED, "fixed")
    assert shows.pop("pool") in {(number, "pool") for number in POOL}


async def test_the_caller_himself_never_sees_his_own_number() -> None:
    shows = {one.trunk: (one.shown, one.why) for one in await routes(*ALL, role="caller")}

    assert shows["platform"] == shows["verified"] == (PLATFORM, "to_caller")
    assert shows["fixed"] == (FIXED, "fixed")


@pytest.mark.parametrize("caller", ["alice", MINE])
async def test_a_number_that_was_not_proved_is_neither_rung_as_caller_nor_shown(caller: str) -> None:
    refusal = await made(VERIFIED, caller=caller, is_proved=False)

    assert isinstance(refusal, Refusal)
    assert (refusal.type, refusal.at) == ("number-not-verified", "caller")


@pytest.mark.parametrize(
    ("callee", "dialled"),
    [(OTHER, "13900000002"), ("+861062340001", "01062340001"), ("+85291230000", "0085291230000"), ("10086", "10086")],
)
async def test_within_the_country_it_is_dialled_as_people_there_do(callee: str, dialled: str) -> None:
    [route] = await routes(Trunk("t", "h", number_format="national"), callee=callee)

    assert route.dialled == dialled


async def test_the_leg_keeps_e164_and_the_carrier_gets_its_own_format() -> None:
    call = await made(Trunk("t", "h", number_format="00", caller_id_format="digits", caller_id=CallerId("verified")))

    assert isinstance(call, Call)
    callee = call.leg("callee")
    [route] = callee.routes
    assert (callee.number, route.dialled) == (OTHER, "008613900000002")
    assert (route.shown, route.shown_as) == (MINE, "8613900000001")


@pytest.mark.parametrize(("trunk", "diverts"), [(PLATFORM_ONLY, False), *((trunk, True) for trunk in ALL[1:])])
async def test_a_strange_number_is_shown_on_behalf_of_the_platform_where_the_trunk_wants_that(
    trunk: Trunk, diverts: bool
) -> None:
    wants = Trunk("t", "h", caller_id=trunk.caller_id, diversion=True, caller_id_format="00")
    [route], [plain] = await routes(wants), await routes(trunk)

    assert route.diversion == ("00" + PLATFORM[1:] if diverts else "")
    assert plain.diversion == ""


async def test_one_pair_sees_one_number_whatever_the_call() -> None:
    shown = set()
    for call in ("c1", "c2", "c3", "c4", "c5", "c6"):
        [route] = await routes(OF_A_POOL, id=call)
        shown.add(route.shown)

    assert len(shown) == 1


async def test_each_route_has_the_price_of_the_deck_and_the_one_that_begins_while_the_phone_may_ring() -> None:
    rates = (Rate("+86", 5, "6/6"), Rate("+86139", 7, "1/1"), Rate("+86139", 9, "60/60", from_ms=60_000))
    cheap, dear = Trunk("cheap", "a", price_micro_per_min=3), Trunk("dear", "b", rates=rates, currency="EUR")
    by_trunk = {one.trunk: one for one in await routes(cheap, dear)}

    own, deck = by_trunk["cheap"], by_trunk["dear"]
    assert (own.price_micro_per_min, own.price_increment, own.currency, own.later) == (3, "60/60", "CNY", None)
    assert (deck.price_micro_per_min, deck.price_increment, deck.currency) == (7, "1/1", "EUR")
    assert deck.later == (60_000, 9, "60/60")
