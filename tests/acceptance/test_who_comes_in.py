"""Somebody calls the platform's number in the very moment in which nobody has the PBX: he hears it ring, and is taken
in by whoever has it then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.house import House
from tests.callers import Caller, dial_in
from tests.ground import Ground
from tests.support import until_sync

PLATFORM = "+864001234567"


@pytest.fixture
def answering(house: House) -> House:
    """An app that answers the dialplan."""
    info = house.ground.info
    house.have(AGI_PORT=str(info.agi_port), AGI_SECRET=info.agi_secret)
    return house


@pytest.fixture
def outside(answering: House) -> Iterator[House]:
    """The app's link to the PBX is gone, and is not coming back by itself."""
    answering.refuse(answering.ari)
    yield answering
    answering.calm()


def calls_in(house: House, user_phone: str = "03") -> tuple[Caller, str]:
    """And waits, as the app has answered who he is, and does not hear that he is here; the call."""
    user, his = house.user(user_phone)
    caller = dial_in(house.ground, his, PLATFORM)
    until_sync(lambda: is_waiting(house.ground), 5, "he waits in the dialplan")
    [call] = house.app.ask("GET", f"/v1/calls?user={user}").body["calls"]
    return caller, str(call["id"])


def is_waiting(ground: Ground) -> bool:
    places = [one["dialplan"] for one in ground.ari("GET", "channels")]
    return any(place["context"] == "ringbridge-enter" and place["app_name"] == "Wait" for place in places)


def is_served(house: House, caller: Caller, call: str) -> None:
    record = caller.until_answered()
    assert record.rang_at_ms is not None, "he heard it ring"
    assert house.app.show(call)["state"] == "caller_answered"
    caller.hang_up_now()
    shown = house.app.until_ended(call)
    assert (shown["reason"], shown["hung_up_by"], shown["charged_s"]) == ("caller_gave_up", "caller", 0)


def test_a_link_that_was_lost_comes_back_and_he_is_served(outside: House) -> None:
    caller, call = calls_in(outside)
    outside.accept(outside.ari)
    is_served(outside, caller, call)


def test_another_process_finds_him_where_he_waits(outside: House) -> None:
    caller, call = calls_in(outside)
    outside.kill()
    outside.accept(outside.ari)
    outside.again()
    is_served(outside, caller, call)


def test_who_hangs_up_while_he_waits_has_given_up(outside: House) -> None:
    caller, call = calls_in(outside)
    outside.accept(outside.ari)
    caller.hang_up_now()
    shown = outside.app.until_ended(call)
    assert (shown["reason"], shown["hung_up_by"]) == ("caller_gave_up", "caller")


def test_an_app_that_is_begun_anew_answers_who_called_before(answering: House) -> None:
    house = answering
    user, his = house.user("03")
    house.kill()
    caller = dial_in(house.ground, his, PLATFORM)
    caller.until_ringing()
    house.again()
    caller.until_answered()
    [call] = house.app.ask("GET", f"/v1/calls?user={user}").body["calls"]
    is_served(house, caller, str(call["id"]))
