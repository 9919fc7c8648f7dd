"""The menu of a call that came in, key by key, and what such a call leaves behind: as its flow tells it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import step
from ari_app.flows import inbound

HIS, CALLEE_NUMBER = "+8613900000003", "+8613900000004"
ID = "c" + "a" * 26
BORN_MS, WAIT_MS = 1_000, 6_000


class Story:
    """One call, told fact by fact."""

    def __init__(self, mode: str = "menu", **given: str) -> None:
        route = Route("carrier", "+864001234567", "", "came_in")
        caller = Leg(CALLER, HIS, (route,), 8_000, user="ann", came_in=True, tries=(Try(dialled_at_ms=BORN_MS),))
        told = {"mode": mode, "minutes": "42", **given}
        terms = Terms(confirm_timeout_ms=WAIT_MS)
        self.call = Call(ID, inbound.TYPE, BORN_MS, "ann", (caller,), terms, given=told, now_ms=BORN_MS)
        self.now_ms = BORN_MS
        self.said: list[str] = []
        self.wishes: list[w.Wish] = []

    def sees(self, *events: ev.Event) -> list[w.Wish]:
        """What is newly wished for then; each wish is carried out, and each sound played to its end by `listens`."""
        self.call, new, _ = step(self.call, events, inbound.plan)
        self.said += [wish.sound for wish in new if isinstance(wish, w.Play)]
        self.wishes += new
        done = [ev.Done(wish.key, self.now_ms) for wish in new]
        return [*new, *(self.sees(*done) if done else [])]

    def after(self, ms: int) -> list[w.Wish]:
        self.now_ms += ms
        return self.sees(ev.Tick(self.now_ms))

    def is_up(self) -> Story:
        self.sees(ev.Rang(CALLER, 0, self.now_ms))
        self.sees(ev.Answered(CALLER, 0, self.now_ms))
        return self

    def listens(self) -> Story:
        """To the end of what is played."""
        self.now_ms += 2_000
        playing = [k.removeprefix("play:") for k in self.call.asked if k.startswith("play:")]
        self.sees(*(ev.Played(name, self.now_ms, is_whole=True) for name in playing if name not in self.call.played))
        return self

    def keys(self, keys: str) -> list[w.Wish]:
        new: list[w.Wish] = []
        for key in keys:
            self.now_ms += 100
            new += self.sees(ev.Digit(CALLER, 0, key, self.now_ms))
        return new

    def finds(self) -> Story:
        routes = (Route("t", CALLEE_NUMBER, HIS, "x"),)
        self.sees(ev.LegAdded(Leg(CALLEE, CALLEE_NUMBER, routes, 20_000), "seek", self.now_ms))
        return self

    def does_not_find(self, digits: str, why: str = "invalid-number") -> Story:
        self.sees(ev.NotFound(digits, why, self.now_ms))
        return self

    def hangs_up(self) -> Story:
        self.sees(ev.HangupSeen(CALLER, 0, self.now_ms, remote=True, cause=16), ev.Gone(CALLER, 0, self.now_ms, 16))
        return self

    @property
    def sought(self) -> list[str]:
        return [wish.digits for wish in self.wishes if isinstance(wish, w.Seek)]

    @property
    def ending(self) -> tuple[Reason, HungUpBy] | None:
        return None if self.call.end is None else (self.call.end.reason, self.call.end.by)


def test_he_is_picked_up_once_he_is_here_and_told_his_minutes_once() -> None:
    story = Story()
    assert not [wish for wish in story.after(500) if isinstance(wish, w.Answer)], "he is not in the application yet"
    story.is_up()
    story.listens().after(WAIT_MS)
    story.listens().after(WAIT_MS)

    assert story.said == ["greeting&minutes_left:42&key_number", "key_number", "key_number"]
    story.listens().after(WAIT_MS)
    assert story.ending == (Reason.CALLER_NOT_CONFIRMED, HungUpBy.SYSTEM), "who keys nothing is let go in the end"
    assert story.said[-1] == "goodbye"


def test_what_he_keys_is_sought_once_it_is_whole_and_hushes_what_he_hears() -> None:
    story = Story().is_up()
    hushed = story.keys("139")
    assert any(isinstance(wish, w.Stop) for wish in hushed)
    assert not story.sought

    story.keys("55*13900000004#")
    assert story.sought == ["13900000004"], "* begins it anew"
    story.keys("9")
    assert story.sought == ["13900000004"]


def test_what_leads_nowhere_is_told_each_time_and_three_times_in_all() -> None:
    story = Story().is_up()
    for n, (digits, why) in enumerate((("110", "emergency-number"), ("12", "invalid-number"), ("12", "")), start=1):
        story.keys(digits + "#")
        if why:
            story.does_not_find(digits, why)
        story.listens()
        assert story.said[-1].startswith("cannot_be_called"), n

    assert story.sought == ["110", "12"], "what was sought in vain is not sought again"
    assert story.said[-1] == "cannot_be_called&goodbye"
    assert story.ending == (Reason.CALLER_NOT_CONFIRMED, HungUpBy.SYSTEM)


def test_a_wrong_pin_is_told_as_such() -> None:
    story = Story("pin").is_up()
    story.keys("29999999#")
    story.does_not_find("29999999", "pin").listens()

    assert story.said == ["enter_pin", "pin_wrong&enter_pin"]


def test_a_pin_that_is_right_hands_him_over_and_the_call_is_done() -> None:
    story = Story("pin").is_up()
    story.keys("23456789#")
    to = "c" + "b" * 26 + ".in1.0"
    wishes = story.sees(ev.LeadsTo(to, story.now_ms))

    assert w.HandOver(CALLER, 0, to) in wishes
    story.sees(ev.Gone(CALLER, 0, story.now_ms))
    assert story.ending == (Reason.COMPLETED, HungUpBy.SYSTEM)
    assert not list(inbound.after(story.call))


def test_1_connects_at_once_and_nothing_is_dialled_before_minutes_are_held() -> None:
    story = Story().is_up()
    story.keys("13900000004#")
    story.finds().listens()
    assert story.said[-1] == "connect_or_hang_up"
    assert not [wish for wish in story.wishes if isinstance(wish, w.Hold | w.Dial)]

    wishes = story.keys("1")
    assert [wish for wish in wishes if isinstance(wish, w.Hold)]
    assert not [wish for wish in wishes if isinstance(wish, w.Dial)]
    wishes = story.sees(ev.Held(0, 60, story.now_ms))
    assert [wish.leg for wish in wishes if isinstance(wish, w.Dial)] == [CALLEE]
    story.keys("#23#")
    assert not [wish for wish in story.wishes[-4:] if isinstance(wish, w.Seek)], "what he keys now changes nothing"

    story.hangs_up()
    assert story.ending == (Reason.CALLER_GAVE_UP, HungUpBy.CALLER)
    assert not list(inbound.after(story.call)), "he wanted it at once, and not to be called back"


@pytest.mark.parametrize("connect", ["1", "0"])
def test_who_hangs_up_after_the_number_is_called_back(connect: str) -> None:
    story = Story(connect=connect).is_up()
    story.keys("13900000004#")
    story.finds().listens()
    if connect == "0":
        assert "connect_or_hang_up" not in story.said
        story.keys("1")
        assert not [wish for wish in story.wishes if isinstance(wish, w.Hold)], "never by a number that may be forged"
    story.hangs_up()

    assert story.ending == (Reason.COMPLETED, HungUpBy.CALLER)
    [wanted] = inbound.after(story.call)
    assert (wanted.type, wanted.fields) == ("callback", {"caller": HIS, "callee": CALLEE_NUMBER})


def test_who_does_not_decide_is_called_back_too() -> None:
    story = Story().is_up()
    story.keys("13900000004#")
    story.finds()
    for _ in range(3):
        story.listens().after(WAIT_MS)

    assert story.said[-1] == "we_call_back"
    assert [wanted.type for wanted in inbound.after(story.call)] == ["callback"]


def test_a_missed_call_is_called_back_whether_he_hangs_up_or_not_but_nobody_without_minutes() -> None:
    given_up, waited, poor = Story("missed"), Story("missed"), Story("missed", minutes="0")
    for story in (given_up, waited, poor):
        story.sees(ev.Rang(CALLER, 0, story.now_ms))
    given_up.hangs_up()
    waited.after(8_000)
    poor.hangs_up()

    assert given_up.ending == (Reason.CALLER_GAVE_UP, HungUpBy.CALLER)
    assert waited.ending == (Reason.REFUSED, HungUpBy.SYSTEM)
    assert not [wish for wish in given_up.wishes + waited.wishes if isinstance(wish, w.Answer)]
    for story in (given_up, waited):
        assert [wanted.fields for wanted in inbound.after(story.call)] == [{"mode": "back", "caller": HIS}]
    assert not list(inbound.after(poor.call))


def test_nothing_follows_on_a_call_that_the_api_ended_or_a_stranger_made() -> None:
    story = Story("missed")
    story.sees(ev.Rang(CALLER, 0, story.now_ms), ev.Cancel(story.now_ms))
    assert not list(inbound.after(story.call))

    story = Story("missed").hangs_up()
    for stranger in (replace(story.call, payer=""), replace(story.call, payer="bob")):
        assert not list(inbound.after(stranger))


def test_one_who_never_comes_in_is_not_waited_for() -> None:
    story = Story()
    story.after(9_000)
    assert story.ending is None
    wishes = story.after(2_000)

    assert story.ending == (Reason.INTERRUPTED, HungUpBy.SYSTEM)
    assert w.HangUp(CALLER, 0) in wishes


def test_without_minutes_the_ledger_has_the_last_word_before_he_is_answered() -> None:
    story = Story(minutes="0")
    wishes = story.sees(ev.Rang(CALLER, 0, story.now_ms))
    assert [wish for wish in wishes if isinstance(wish, w.Hold)]
    story.sees(ev.HoldRefused(0, "empty", story.now_ms))

    assert story.ending == (Reason.BALANCE_EMPTY, HungUpBy.SYSTEM)
    assert story.said == ["no_minutes&goodbye"]
    assert not [wish for wish in story.wishes if isinstance(wish, w.Answer)]
