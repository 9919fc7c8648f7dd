"""What is sought for keys on a phone, and which calls follow on one that is over: by the same checks as any other,
once, and late rather than not at all, but not too late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.domain import events as ev
from ari_app.domain.call import CALLER, Call, End, Leg, Route, Terms, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.errors import Unavailable
from ari_app.domain.limits import Limit
from ari_app.domain.numbers import Number
from ari_app.domain.wishes import Seek
from ari_app.engine.abuse import NoCheck
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.leaving import PATIENCE_MS, Leaving
from ari_app.engine.making import CallMaker
from ari_app.engine.seeking import Found, Seeking
from ari_app.engine.telling import NotTaken

HIS, THEIRS = "+8613900000003", "+8613900000004"
NOW_MS = 1_795_731_924_130
CONFERENCE = "c" + "b" * 26
PIN = "23456789"


def came_in(payer: str = "ann", mode: str = "menu") -> Call:
    caller = Leg(CALLER, HIS, (Route("t", "", "", ""),), 8_000, user=payer or None, came_in=True, tries=(Try(),))
    given = {"mode": mode, "minutes": "7"}
    return Call("c" + "a" * 26, "inbound", NOW_MS, payer, (caller,), Terms(), given=given, now_ms=NOW_MS)


class Maker:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.answer: Leg | Refusal | None = None

    async def one_more(self, call: Call, party: Any, payer: str) -> Leg | Refusal:
        self.asked.append((party.who, payer))
        return self.answer or Leg(party.role, party.who, (), 20_000)


class Pins:
    def is_pin(self, digits: str) -> bool:
        return len(digits) == 8

    async def take(self, pin: str, by: str) -> str | None:
        return CONFERENCE if pin == PIN else None


class Desk:
    def __init__(self) -> None:
        self.maker = Maker()
        self.node = "pbx1"
        self.told: list[tuple[str, ev.LegAdded]] = []
        self.not_taken: NotTaken | None = None
        self.check = NoCheck()
        self.seeking = Seeking(
            maker=cast(CallMaker, self.maker), abuse=self.check, read_number=self._read, tell=self._tell,
            node_of=self._node_of, limits=MemoryLimits(), pin_limits=(Limit(3, 3600),), pins=Pins(),
        )  # fmt: skip

    def _read(self, digits: str) -> Number | None:
        """As written in its own country; what is short is a service's."""
        return None if "*" in digits else Number("+86" + digits if len(digits) > 6 else digits, "CN")

    async def _tell(self, call: str, word: ev.LegAdded) -> Call | NotTaken:
        self.told.append((call, word))
        if self.not_taken is not None:
            return self.not_taken
        leg = replace(word.leg, role="in7", ask=word.ask)
        return Call(call, "conference", NOW_MS, "host", (leg,), now_ms=NOW_MS)

    async def _node_of(self, _call: str) -> str:
        return self.node

    async def keys(self, digits: str, call: Call | None = None) -> Found:
        return await self.seeking.seek("pbx1", call or came_in(), Seek("callee", digits))


# ---- what is keyed --------------------------------------------------------------------------------------------------


async def test_a_number_is_rung_for_the_payer_and_shows_the_number_from_which_he_called() -> None:
    desk = Desk()
    found = await desk.keys("13900000004")

    assert isinstance(found, ev.LegAdded)
    assert (found.leg.role, found.leg.number) == ("callee", THEIRS)
    assert desk.maker.asked == [(THEIRS, HIS)]
    assert found.ask == (await desk.keys("13900000004")).ask, "asked again, it is the same command"  # type: ignore[union-attr]


@pytest.mark.parametrize("digits", ["110", "13900000003", "1*"])
async def test_a_service_his_own_number_and_nonsense_are_nobody(digits: str) -> None:
    """A short number is never taken for a user's id."""
    desk = Desk()

    assert await desk.keys(digits) == ev.NotFound(digits, "invalid-number", NOW_MS)
    assert not desk.maker.asked


async def test_what_the_limits_do_not_let_be_is_not_found() -> None:
    desk = Desk()
    desk.maker.answer = Refusal("destination-blocked", "No.")
    assert await desk.keys("13900000004") == ev.NotFound("13900000004", "destination-blocked", NOW_MS)

    class Check(NoCheck):
        async def refused(self, call: Call) -> Refusal | None:
            assert call.has_leg("callee"), "as a call to that number"
            return Refusal("too-many-calls", "No.", rule="pair-3-in-300s")

    desk = Desk()
    desk.seeking._abuse = Check()
    assert await desk.keys("13900000004") == ev.NotFound("13900000004", "pair-3-in-300s", NOW_MS)


async def test_a_pin_leads_to_a_leg_that_is_kept_for_him_in_the_conference() -> None:
    desk = Desk()
    found = await desk.keys(PIN, came_in(payer=""))

    assert found == ev.LeadsTo(f"{CONFERENCE}.in7.0", NOW_MS)
    [(call, word)] = desk.told
    assert call == CONFERENCE
    assert (word.stem, word.leg.number, word.leg.came_in, len(word.leg.tries)) == ("in", HIS, True, 1)


async def test_who_has_no_account_can_key_nothing_but_a_pin() -> None:
    desk = Desk()

    assert await desk.keys("13900000004", came_in(payer="")) == ev.NotFound("13900000004", "pin", NOW_MS)
    assert not desk.maker.asked


async def test_wrong_pins_from_one_number_are_limited_and_then_the_right_one_is_wrong_too() -> None:
    desk, stranger = Desk(), came_in(payer="")
    for n in range(3):
        assert await desk.keys(f"2999999{n}", stranger) == ev.NotFound(f"2999999{n}", "pin", NOW_MS)

    assert await desk.keys(PIN, stranger) == ev.NotFound(PIN, "pin", NOW_MS)
    other = replace(stranger, legs=(replace(stranger.legs[0], number=THEIRS),))
    assert isinstance(await desk.keys(PIN, other), ev.LeadsTo)


async def test_a_conference_that_is_over_or_on_another_pbx_is_not_joined() -> None:
    desk = Desk()
    desk.not_taken = NotTaken("over")
    assert await desk.keys(PIN, came_in(payer="")) == ev.NotFound(PIN, "pin-over", NOW_MS)
    assert await desk.keys(PIN) == ev.NotFound(PIN, "pin-over", NOW_MS), "a user is told so, too"

    desk = Desk()
    desk.node = "pbx2"
    assert await desk.keys(PIN, came_in(payer="")) == ev.NotFound(PIN, "elsewhere", NOW_MS)
    assert not desk.told


# ---- what follows ---------------------------------------------------------------------------------------------------


class Place:
    def __init__(self, answer: Call | Refusal) -> None:
        self.answer = answer
        self.asked: list[tuple[Ask, str]] = []

    async def __call__(self, ask: Ask, key: str) -> Call | Refusal:
        self.asked.append((ask, key))
        return self.answer


def missed() -> Call:
    return replace(came_in(mode="missed"), end=End(Reason.CALLER_GAVE_UP, HungUpBy.CALLER, NOW_MS - 2_000))


async def test_the_call_that_follows_has_a_key_of_its_own_and_is_placed_once() -> None:
    place = Place(came_in())
    leaving = Leaving(place, lambda: NOW_MS)
    await leaving.ended(missed())
    await leaving.ended(missed())  # asked again, after a crash

    [(ask, key), (_, same)] = place.asked
    assert key == same == f"{missed().id}:back"
    assert (ask.type, ask.request.mode, ask.request.caller, ask.given["minutes"]) == ("inbound", "back", HIS, "7")


async def test_where_there_is_no_place_for_it_it_is_tried_again_for_a_while_and_then_not_any_more() -> None:
    place = Place(Refusal("no-capacity", "All lines are taken."))
    with pytest.raises(Unavailable):
        await Leaving(place, lambda: NOW_MS).ended(missed())

    await Leaving(place, lambda: NOW_MS + PATIENCE_MS + 1).ended(missed())
    assert len(place.asked) == 1, "nobody waits for it now"

    refused = Place(Refusal("balance-empty", "No minutes."))
    await Leaving(refused, lambda: NOW_MS).ended(missed())
    assert len(refused.asked) == 1


async def test_a_call_whose_type_leaves_nothing_behind_leaves_nothing() -> None:
    place = Place(came_in())
    await Leaving(place, lambda: NOW_MS).ended(replace(missed(), type="callback"))

    assert not place.asked
