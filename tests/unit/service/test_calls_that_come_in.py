"""Who calls the platform's number, and what is done about it: users by a proved number alone, strangers at nobody's
cost, and no more of either than may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.adapters.memory_recent_calls import MemoryRecentCalls
from ari_app.adapters.memory_users import MemoryUsers
from ari_app.desks.inbound import BUSY, OUT_OF_ORDER, Answer, Arrival, Inbound, Mode, Rules
from ari_app.domain.call import CALLER, Call, End, Leg, Route, Terms, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.limits import Limit
from ari_app.domain.numbers import Number
from ari_app.domain.numbers import Rules as NumberRules
from ari_app.engine.abuse import NoCheck
from ari_app.engine.admission import Admission
from ari_app.engine.asks import Ask, Policy, Refusal
from ari_app.engine.fleet import Fleet, Place
from ari_app.engine.making import CallMaker
from ari_app.engine.recent_callers import RecentCallers
from ari_app.flows import inbound
from ari_app.ports.users import OwnedNumber, User

PLATFORM, ANN, BOB, STRANGER = "+864001234567", "+8613900000003", "+8613900000004", "+8613900000009"
NOW_MS = 1_795_731_924_130
MENU = Rules()


class Maker:
    """A call of what is wanted, with no look at trunks."""

    def __init__(self) -> None:
        terms = Terms(max_duration_s=1800)
        self.policy = Policy(terms, PLATFORM, NumberRules(("CN",), (), block_premium=True), 20_000, 20_000, 3)
        self.refusal: Refusal | None = None
        self.given_back = 0

    async def make(self, ask: Ask, new_id: str) -> Call | Refusal:
        if self.refusal is not None:
            return self.refusal
        wants = inbound.wants(ask.request)
        legs = tuple(Leg(party.role, ANN, (Route("t", ANN, PLATFORM, "x"),), 20_000) for party in wants.parties)
        given = {**wants.given, **ask.given}
        return Call(new_id, ask.type, NOW_MS, wants.payer, legs, self.policy.terms, given=given, now_ms=NOW_MS)

    def refused(self, call: Call) -> None:
        self.given_back += 1


@dataclass
class Pbx:
    """An engine, as far as one who comes in is concerned."""

    calls: list[Call] = field(default_factory=list)
    expected: list[tuple[str, str]] = field(default_factory=list)
    admission: Admission | None = None

    def live_calls(self) -> list[Call]:
        return self.calls

    async def expect(self, foreign: str, call_id: str, role: str) -> None:
        self.expected.append((foreign, f"{call_id}.{role}.0"))


@dataclass
class Node:
    name: str
    engine: Pbx


class Nodes:
    def __init__(self, *names: str) -> None:
        self.nodes = [Node(name, Pbx()) for name in names]
        self.seen: Sequence[Any] = ()

    @property
    def engines(self) -> list[Pbx]:
        return [node.engine for node in self.nodes]

    def mailbox(self, call_id: str) -> Call | None:
        return next((call for engine in self.engines for call in engine.calls if call.id == call_id), None)

    def timed(self, call: Call, place: Place) -> Call:
        return call

    async def begin(self, call: Call, place: Place) -> Call:
        cast(Pbx, place.engine).calls.append(call)
        return call


@dataclass
class Desk:
    fleet: Nodes
    maker: Maker
    users: MemoryUsers
    recent: MemoryRecentCalls
    inbound: Inbound
    told: list[str]
    minutes: dict[str, int]
    flags: dict[str, bool]

    async def call(self, caller: str = ANN, to: str = PLATFORM, channel: str = "pbx-1.1", node: str = "") -> Answer:
        return await self.inbound.arrived(Arrival(node, channel, caller, to, "carrier"))

    @property
    def calls(self) -> list[Call]:
        return [call for pbx in self.fleet.engines for call in pbx.calls]


def read(written: str) -> Number | None:
    return Number(written, "CN") if written.startswith("+86") else None


async def opened(rules: Rules = MENU, *nodes: str) -> Desk:
    fleet, maker, users = Nodes(*(nodes or ("pbx1",))), Maker(), MemoryUsers()
    told, minutes, flags = list[str](), {"ann": 42}, {"pins": False, "draining": False}
    recent = MemoryRecentCalls(lambda: NOW_MS)
    for name, number, how in (("ann", ANN, "admin"), ("bob", BOB, None)):
        await users.put(User(name, (OwnedNumber(number, how, NOW_MS if how else None),), locale="zh-CN"))  # type: ignore[arg-type]

    async def minutes_of(user: User) -> int:
        return minutes[user.id]

    async def has_pins() -> bool:
        return flags["pins"]

    desk = Inbound(
        fleet=cast(Fleet, fleet), maker=cast(CallMaker, maker), users=users, read_number=read, rules=rules,
        limits=MemoryLimits(), abuse=NoCheck(), recent=RecentCallers(recent, PLATFORM, 7), minutes=minutes_of,
        has_pins=has_pins, is_draining=lambda: flags["draining"], now_ms=lambda: NOW_MS, told=told.append,
    )  # fmt: skip
    return Desk(fleet, maker, users, recent, desk, told, minutes, flags)


async def test_a_user_comes_in_and_is_expected_where_his_channel_is() -> None:
    desk = await opened(MENU, "pbx1", "pbx2")
    answer = await desk.call(node="pbx2")

    [call] = desk.fleet.nodes[1].engine.calls
    [caller] = call.legs
    assert answer == Answer("stasis", leg=f"{call.id}.caller.0", life_s=2400)
    assert desk.fleet.nodes[1].engine.expected == [("pbx-1.1", answer.leg)]
    assert (call.type, call.payer, call.given["mode"], call.given["minutes"]) == ("inbound", "ann", "menu", "42")
    assert (caller.role, caller.number, caller.user, caller.language) == (CALLER, ANN, "ann", "zh")
    assert caller.came_in
    assert caller.tries == (Try(dialled_at_ms=NOW_MS),)
    assert caller.routes == (Route("carrier", PLATFORM, "", "came_in"),)


async def test_the_same_channel_is_the_same_call_however_often_it_is_asked_about() -> None:
    desk = await opened()

    assert (await desk.call()).leg == (await desk.call()).leg
    assert (await desk.call(channel="pbx-1.2")).leg != (await desk.call()).leg


async def test_who_is_asked_about_again_when_his_call_is_over_hears_that_something_is_wrong() -> None:
    """Its process died before it could answer the dialplan, and the next one has given the call up."""
    desk = await opened()

    async def over(call: Call, _place: Place) -> Call:
        return replace(call, end=End(Reason.INTERRUPTED, HungUpBy.SYSTEM, NOW_MS))

    desk.fleet.begin = over  # type: ignore[method-assign]

    assert await desk.call() == OUT_OF_ORDER
    assert not desk.fleet.nodes[0].engine.expected


async def test_by_a_number_that_is_not_proved_nobody_is_a_user() -> None:
    desk = await opened()

    assert await desk.call(BOB) == Answer("say", sound="not_known")
    assert await desk.call("anonymous") == Answer("say", sound="not_known")
    assert not desk.calls, "a stranger leaves nothing behind"
    assert desk.told == ["stranger", "stranger"]


@pytest.mark.parametrize(("minutes", "called_back"), [(42, 1), (0, 0)])
async def test_where_it_is_busy_a_user_is_called_back_if_he_can_call_anybody(minutes: int, called_back: int) -> None:
    desk = await opened(Rules(modes={PLATFORM: cast(Mode, "busy")}))
    desk.minutes["ann"] = minutes

    assert await desk.call() == BUSY
    assert await desk.call(STRANGER) == Answer("say", sound="not_known")
    assert [call.given["mode"] for call in desk.calls] == ["back"] * called_back
    assert [leg.came_in for call in desk.calls for leg in call.legs] == [False] * called_back


async def test_each_number_of_ours_has_its_own_way() -> None:
    desk = await opened(Rules(mode="busy", modes={"+864009990001": cast(Mode, "missed")}, ring_ms=3_000))
    answer = await desk.call(to="+864009990001")

    assert answer.rings, "he hears it ring"
    assert desk.calls[0].legs[0].ring_timeout_ms == 3_000


async def test_who_returns_a_call_reaches_who_called_him_and_never_a_user_by_chance() -> None:
    desk = await opened()
    await desk.recent.note(STRANGER, "ann", at_ms=NOW_MS, keep_s=60)
    answer = await desk.call(STRANGER)

    [call] = desk.calls
    assert answer.rings
    assert (call.payer, [leg.role for leg in call.legs]) == ("ann", ["caller", "callee"])

    desk.maker.refusal = Refusal("number-not-verified", "No.")
    assert await desk.call(STRANGER, channel="pbx-1.2") == Answer("say", sound="unavailable")


async def test_a_stranger_may_key_a_pin_only_while_there_is_one() -> None:
    desk = await opened()
    desk.flags["pins"] = True
    answer = await desk.call(STRANGER)

    assert answer.route == "stasis"
    assert (desk.calls[0].payer, desk.calls[0].given["mode"]) == ("", "pin")


async def test_above_the_limits_it_is_busy() -> None:
    desk = await opened(Rules(rate=(Limit(2, 60),)))
    answers = [await desk.call(STRANGER, channel=f"pbx-1.{n}") for n in range(4)]
    assert [answer.route for answer in answers] == ["say", "say", "busy", "busy"]
    assert (await desk.call()).route == "stasis", "who calls from another number is not concerned"

    desk = await opened(Rules(calls_max=1))
    assert [(await desk.call(channel=f"pbx-1.{n}")).route for n in range(2)] == ["stasis", "busy"]
    assert (await desk.call(channel="pbx-1.0")).route == "stasis", "who is asked about again is let in already"


async def test_a_pbx_that_is_behind_takes_nobody_more_in_and_who_is_in_holds_nobody_up() -> None:
    desk, lag_s = await opened(), [0.0]
    admission = desk.fleet.nodes[0].engine.admission = Admission(lambda: lag_s[0], 0.15)
    assert (await desk.call()).route == "stasis"
    assert admission.lag_s == 0, "nobody is to be rung for him"

    lag_s[0] = 1.0
    assert await desk.call(channel="pbx-1.2") == BUSY


async def test_a_process_that_leaves_or_does_not_know_the_pbx_takes_nobody_in() -> None:
    desk = await opened(MENU, "pbx1", "pbx2")
    for node in ("", "pbx3"):
        assert (await desk.call(node=node)).sound == "out_of_order"

    desk.flags["draining"] = True
    assert (await desk.call(node="pbx1")).sound == "out_of_order"
    assert not desk.calls


async def test_what_is_refused_gives_its_lines_back() -> None:
    desk = await opened()

    class Check(NoCheck):
        async def refused(self, _call: Call) -> Refusal | None:
            return Refusal("too-many-calls", "No.", rule="user-spend-a-day")

    desk.inbound._abuse = Check()
    assert (await desk.call()).sound == "unavailable"
    assert desk.maker.given_back == 1
    assert not desk.calls


# ---- whom a user has called -----------------------------------------------------------------------------------------


async def test_whom_a_user_called_is_remembered_if_his_phone_rang_and_showed_the_platform() -> None:
    recent = MemoryRecentCalls(lambda: NOW_MS)
    callers = RecentCallers(recent, PLATFORM, 7)
    rang = Try(dialled_at_ms=NOW_MS, rang_at_ms=NOW_MS + 10)

    def phone(role: str, number: str, shown: str, t: Try) -> Leg:
        return Leg(role, number, (Route("t", number, shown, "x"),), 20_000, tries=(t,))

    legs = (
        phone("caller", ANN, PLATFORM, rang),
        phone("p1", BOB, PLATFORM, rang),
        phone("p2", "+8613900000005", ANN, rang),
        phone("p3", "+8613900000006", PLATFORM, Try(dialled_at_ms=NOW_MS)),
        replace(phone("in1", "+8613900000007", PLATFORM, rang), came_in=True),
    )
    call = Call("c" + "a" * 26, "conference", NOW_MS, "ann", legs, now_ms=NOW_MS)
    await callers.ended(call)
    await callers.ended(replace(call, payer=""))

    found = {leg.number: await callers.last(leg.number) for leg in legs}
    assert {number for number, user in found.items() if user} == {BOB}
    assert found[BOB] == "ann"


async def test_where_the_operator_does_not_want_it_nothing_is_remembered() -> None:
    recent = MemoryRecentCalls(lambda: NOW_MS)
    await recent.note(BOB, "ann", at_ms=NOW_MS, keep_s=60)

    assert await RecentCallers(recent, PLATFORM, 0).last(BOB) is None


async def test_a_trunk_whose_name_begins_as_those_of_devices_do_is_a_trunk() -> None:
    desk = await opened()
    await desk.inbound.arrived(Arrival("", "pbx-1.1", ANN, PLATFORM, "rbd-carrier"))

    [route] = desk.calls[0].legs[0].routes
    assert (route.trunk, route.device) == ("rbd-carrier", "")
