"""Phones that call the platform's number, each with a story of its own, told at once: what they hear, whom they reach,
who is called back, and who pays. By the simulated carrier's record and ears."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.recent_calls import RedisRecentCalls
from ari_app.stack.carrier import CarrierCall
from tests.callers import Caller, dial_in
from tests.conftest import nothing_is_left
from tests.ground import Ground, number
from tests.heard_digits import Found, core_prompts, heard_prompts, speech_ms, times_said
from tests.ringbridge import Ringbridge, now_ms
from tests.stories import talked_s
from tests.support import until_sync
from tests.who_heard import tone_of

PLATFORM, MISSED, BUSY = "+864001234567", "+864009990001", "+864009990002"
FORTY_TWO = ("vm-youhave", "digits/40", "digits/2", "minutes")
ASKED = "vm-enter-num-to-call"
WORDS = (*FORTY_TWO, "hello", ASKED, "vm-no", "cannot-complete-as-dialed", "vm-goodbye")


@dataclass
class Told:
    """What became of one story."""

    caller: CarrierCall
    user: str = ""
    calls: list[dict[str, Any]] = field(default_factory=list)
    rung: dict[str, list[CarrierCall]] = field(default_factory=dict)
    balance: dict[str, Any] = field(default_factory=dict)

    @property
    def inbound(self) -> dict[str, Any]:
        return next(call for call in self.calls if call["type"] == "inbound" and call["legs"][0]["trunk"])


class House:
    def __init__(self, app: Ringbridge, ground: Ground) -> None:
        self.app = app
        self.ground = ground

    def rings(self, number: str, *, with_tones: bool = False) -> list[CarrierCall]:
        return [call for call in self.ground.rings(number, with_tones=with_tones) if call.direction == "outbound"]

    def user(self, name: str, phone: int = 3, *, left_s: int | None = None) -> tuple[str, str]:
        """A user and his number."""
        at = number(phone)
        self.app.user(name, at)
        if left_s is not None:
            self.app.balance(name)
            self.ground.leave(name, left_s)
        return name, at

    def call(self, caller: str, to: str = PLATFORM, **how: Any) -> Caller:
        return dial_in(self.ground, caller, to, **how)

    def calls_of(self, user: str) -> list[dict[str, Any]]:
        return list(self.app.ask("GET", f"/v1/calls?user={user}").body["calls"])

    def until_calls(self, user: str, count: int, state: str, within_s: float = 20) -> list[dict[str, Any]]:
        def there() -> list[dict[str, Any]] | None:
            calls = self.calls_of(user)
            return calls if len(calls) >= count and any(call["state"] == state for call in calls) else None

        return until_sync(there, within_s, f"{user} has {count} calls, one {state}: {self.calls_of(user)}", 0.1)

    def talks(self, user: str, for_s: float = 2.5, within_s: float = 25) -> None:
        """One of his calls comes to be a talk, and is that for so long."""

        def has_talked() -> bool:
            return any(talked_s(call) >= for_s for call in self.calls_of(user))

        until_sync(has_talked, within_s + for_s, f"{user} talks: {self.calls_of(user)}", 0.1)

    def ends(self, user: str) -> list[dict[str, Any]]:
        """All his calls, once they are over."""
        for call in self.calls_of(user):
            if call["state"] != "ended":
                self.app.hang_up(call["id"])
        until_sync(lambda: all(call["state"] == "ended" for call in self.calls_of(user)), 10, f"{user} is quiet")
        return self.calls_of(user)

    def told(self, caller: Caller, user: str = "", *numbers: str) -> Told:
        record = caller.until_ended()
        calls = self.ends(user) if user else []
        self.ground.all_hung_up(*numbers)
        rung = {number: self.rings(number, with_tones=True) for number in numbers}
        return Told(record, user, calls, rung, self.app.balance(user) if user else {})


def keys_and_hangs_up(house: House) -> Told:
    """Hears his minutes, keys a number, hears what he may do, hangs up; is called back and connected."""
    user, at = house.user("in-back", left_s=42 * 60)
    callee = number(4)
    caller = house.call(at, hang_up_after_s=60)
    until_sync(lambda: ASKED in heard_words(house, caller), 25, "he is asked", 1)
    caller.press_now(callee.removeprefix("+86") + "#")
    until_sync(lambda: house.calls_of(user)[0]["callee"] == callee, 5, "the number is found")
    caller.hang_up_now()
    house.talks(user)
    return house.told(caller, user, at, callee)


def keys_and_presses_1(house: House) -> Told:
    user, at = house.user("in-at-once")
    callee = number(5)
    caller = house.call(at, keys=f"w1 {callee.removeprefix('+86')}# w1 1", hang_up_after_s=14)
    house.talks(user)
    return house.told(caller, user, at, callee)


def keys_what_cannot_be_called(house: House) -> Told:
    """An emergency number, a fragment, and one that makes no sense; `*` begins the last one anew."""
    user, at = house.user("in-wrong")
    caller = house.call(at, keys="w1 110# w4 12# w4 55*9#", hang_up_after_s=30)
    return house.told(caller, user, at)


def has_no_minutes(house: House) -> Told:
    user, at = house.user("in-empty", left_s=0)
    return house.told(house.call(at), user, at)


def rings_and_hangs_up(house: House) -> Told:
    """The phone that is called back keys a number by itself, and is connected at once."""
    callee = number(6)
    house.ground.add_phone(
        "71", "Answer()", "Wait(1)", f"SendDTMF({callee.removeprefix('+86')}#,150,150)", "PlayTones(1234)", "Wait(60)"
    )
    user, at = house.user("in-missed", 71)
    caller = house.call(at, MISSED)
    caller.until_ringing()
    caller.hang_up_now()
    house.talks(user)
    return house.told(caller, user, at, callee)


def is_refused_and_called_back(house: House) -> Told:
    user, at = house.user("in-busy", 13)
    caller = house.call(at, BUSY)
    house.until_calls(user, 1, "caller_answered", 15)
    until_sync(lambda: house.rings(at), 5, "the carrier has written it down")
    return house.told(caller, user, at)


def returns_a_call(house: House) -> Told:
    """Somebody whom a user called, and who was shown the platform's number, calls it: it is that user who is rung."""
    user, at = house.user("in-returned", 7)
    stranger = number(8)

    async def note(link: Link) -> None:
        await RedisRecentCalls(link).note(stranger, user, at_ms=now_ms(), keep_s=60)

    house.ground.with_redis(note)
    caller = house.call(stranger, hang_up_after_s=4)
    house.talks(user)
    return house.told(caller, user, at, stranger)


def is_a_stranger(house: House) -> Told:
    at = number(9)
    return house.told(house.call(at), "", at)


def wants_a_phone(house: House) -> Told:
    """A stranger who dials the number of a phone at the platform's address."""
    callee = number(5)
    return house.told(house.call(number(9), callee), "", callee)


STORIES: dict[str, Callable[[House], Told]] = {
    story.__name__: story
    for story in (
        keys_and_hangs_up, keys_and_presses_1, keys_what_cannot_be_called, has_no_minutes, rings_and_hangs_up,
        is_refused_and_called_back, returns_a_call, is_a_stranger, wants_a_phone,
    )
}  # fmt: skip


def heard_words(house: House, caller: Caller) -> list[str]:
    def recorded() -> CarrierCall | None:
        call = caller.record()
        return call if call is not None and call.recording else None

    record = until_sync(recorded, 5, "it is being recorded, by a thread that begins when it can")
    return [found.name for found in heard(house.ground, record)]


def heard(ground: Ground, record: CarrierCall, *names: str) -> list[Found]:
    assert record.recording is not None
    return heard_prompts(Path(record.recording), core_prompts(ground.stack, *(names or WORDS)))


def hears(phone: CarrierCall, other: str) -> bool:
    """In whichever second: a busy machine takes its time to join them."""
    return any(tone_of(other) in hz for _, hz in phone.heard)


@pytest.fixture(scope="module")
def told(ringbridge: Ringbridge, ground: Ground) -> dict[str, Told]:
    house = House(ringbridge, ground)
    core_prompts(ground.stack, *WORDS)  # made once, and not by all at once
    with ThreadPoolExecutor(len(STORIES)) as pool:
        running = {name: pool.submit(story, house) for name, story in STORIES.items()}
        told = {name: future.result(90) for name, future in running.items()}
    nothing_is_left(ground, ringbridge)
    return told


@pytest.fixture(scope="module")
def joined(told: dict[str, Told], ringbridge: Ringbridge, ground: Ground) -> Told:
    """A stranger keys a PIN that leads nowhere, and then the right one; told last, as nobody is a mere stranger while
    there are PINs."""
    house = House(ringbridge, ground)
    host, at = house.user("in-host", 1)
    begun = ringbridge.ask("POST", "/v1/conferences", {"host": host, "participants": [], "dial_in": True})
    assert begun.status == 201, begun
    stranger = number(2)
    caller = house.call(stranger, keys=f"w1 29999999# w1 {begun.body['dial_in']['pin']}#", hang_up_after_s=40)

    def hear_each_other() -> bool:
        rung = house.rings(at, with_tones=True)  # not yet, at first
        return any([tone_of(stranger) in hz for _, hz in hosts.heard].count(True) >= 2 for hosts in rung)

    until_sync(hear_each_other, 30, "the host hears him", 0.5)
    caller.hang_up_now()
    told = house.told(caller, host, at)
    nothing_is_left(ground, ringbridge)
    return told


def test_who_keys_a_pin_joins_the_conference_and_costs_it_nothing(joined: Told, ground: Ground) -> None:
    [conference] = joined.calls
    legs = {leg["role"]: leg for leg in conference["legs"]}
    come_in = next(leg for role, leg in legs.items() if role.startswith("in"))
    names = [one.name for one in heard(ground, joined.caller, "conf-getpin", "conf-invalidpin")]

    assert names[:2] == ["conf-getpin", "conf-invalidpin"]
    assert come_in["number"] == joined.caller.from_user
    assert come_in["charged_s"] == 0
    assert not come_in["cost"]["micro"]
    assert conference["charged_s"] > 0, "the host's own leg is charged"
    assert joined.caller.pressed.count("#") == 2


def test_a_user_hears_his_minutes_and_is_asked_for_a_number(told: dict[str, Told], ground: Ground) -> None:
    heard_by_him = [one.name for one in heard(ground, told["keys_and_hangs_up"].caller)]

    assert heard_by_him[:6] == ["hello", *FORTY_TWO, ASKED]


def test_who_keys_a_number_and_hangs_up_is_called_back_and_connected_and_pays_for_that_talk_alone(
    told: dict[str, Told],
) -> None:
    story = told["keys_and_hangs_up"]
    back = next(call for call in story.calls if call["type"] == "callback")

    assert story.inbound["reason"] == "completed"
    assert story.inbound["hung_up_by"] == "caller"
    assert story.inbound["charged_s"] == 0
    assert not story.inbound["legs"][0]["cost"]["micro"]
    assert len(story.calls) == 2, "called back once"
    [his], [callees] = story.rung.values()
    assert hears(callees, his.number), "the callee hears him"
    assert 42 * 60 - story.balance["available_s"] == back["charged_s"] == 60


def test_who_presses_1_is_connected_in_the_same_call_and_charged_from_the_callees_answer(
    told: dict[str, Told],
) -> None:
    story = told["keys_and_presses_1"]
    his, [callees] = story.rung.values()
    call = story.inbound

    assert len(story.calls) == 1, "nobody is called back"
    assert not his
    assert call["reason"] == "completed"
    assert call["hung_up_by"] == "caller"
    assert [leg["role"] for leg in call["legs"]] == ["caller", "callee"]
    assert call["charged_s"] == 60
    assert callees.talked_ms
    assert callees.talked_ms < 12_000
    assert hears(callees, story.caller.from_user or "")


def test_who_keys_what_cannot_be_called_is_told_so_and_asked_again_three_times_in_all(
    told: dict[str, Told], ground: Ground
) -> None:
    story = told["keys_what_cannot_be_called"]
    names = [one.name for one in heard(ground, story.caller)]
    [wrong] = core_prompts(ground.stack, "cannot-complete-as-dialed").values()

    assert times_said(Path(story.caller.recording or ""), wrong) == 3
    assert names.count(ASKED) >= 2, "the first time he does not hear him out"
    assert names[-1] == "vm-goodbye"
    assert story.inbound["reason"] == "caller_not_confirmed"
    assert story.caller.hung_up_by == "platform"
    assert len(story.calls) == 1, "nobody was rung"


def test_who_has_no_minutes_is_told_before_he_is_answered(told: dict[str, Told], ground: Ground) -> None:
    story = told["has_no_minutes"]

    assert "vm-no" in [one.name for one in heard(ground, story.caller)]
    assert story.caller.answered_at_ms is None, "he pays nothing"
    assert story.inbound["reason"] == "balance_empty"


def test_who_hangs_up_while_it_rings_is_called_back_hears_the_menu_and_is_connected_at_once(
    told: dict[str, Told],
) -> None:
    story = told["rings_and_hangs_up"]
    missed, back = sorted(story.calls, key=lambda call: str(call["created_at"]))
    [his], [callees] = story.rung.values()

    assert story.caller.answered_at_ms is None
    assert story.caller.rang_at_ms is not None
    assert missed["reason"] == "caller_gave_up"
    assert missed["charged_s"] == 0
    assert back["type"] == "inbound"
    assert back["charged_s"] == 60
    assert len(callees.number) > 0
    assert his.from_user == PLATFORM
    assert his.invited_at_ms > (story.caller.ended_at_ms or 0) + 1000


def test_who_finds_it_busy_is_called_back(told: dict[str, Told]) -> None:
    story = told["is_refused_and_called_back"]
    [his] = next(iter(story.rung.values()))

    assert story.caller.sip_status == 486
    assert story.caller.answered_at_ms is None
    assert his.from_user == PLATFORM
    assert his.invited_at_ms > (story.caller.ended_at_ms or 0)
    assert [call["type"] for call in story.calls] == ["inbound"]


def test_who_returns_a_call_reaches_the_user_who_called_him_at_that_users_charge(told: dict[str, Told]) -> None:
    story = told["returns_a_call"]
    [users], strangers = story.rung.values()

    assert not strangers, "the stranger is rung by nobody"
    assert users.from_user == PLATFORM
    assert story.inbound["payer"] == story.user
    assert story.caller.answered_at_ms
    assert users.answered_at_ms
    assert story.caller.answered_at_ms >= users.answered_at_ms - 50, "he pays nothing before that"
    assert story.inbound["charged_s"] == 60
    assert hears(users, story.caller.from_user or "")


def test_a_stranger_is_told_politely_and_pays_nothing(told: dict[str, Told]) -> None:
    story = told["is_a_stranger"]

    assert story.caller.answered_at_ms is None
    assert story.caller.sip_status == 403
    assert speech_ms(Path(story.caller.recording or "")) > 1000
    assert not any(story.rung.values())


def test_nobody_who_calls_in_can_make_the_pbx_dial(told: dict[str, Told], ground: Ground) -> None:
    """By what he dials; and there is nothing there that could."""
    assert not any(told["wants_a_phone"].rung.values())
    for context in ("ringbridge-inbound", "ringbridge-ask", "ringbridge-in", "ringbridge-enter"):
        shown = ground.rx(f"dialplan show {context}")
        assert not [one for one in ("Dial(", "Originate(", "Page(", "nclude") if one in shown], shown
