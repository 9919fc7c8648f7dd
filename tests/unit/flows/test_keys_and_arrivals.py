"""What a phone keys while others hear it, one who never comes over, and who rings us so that we ring: none of it may
change what was settled, go on for ever, or cost more than may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLER, Leg, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import DIGITS_MAX
from ari_app.engine.adding import has_room
from ari_app.engine.telling import why_not_taken
from tests.unit.flows.room import ROUTE, Phone, Room
from tests.unit.flows.test_inbound_menu import Story


def test_who_was_let_in_by_a_key_stays_in_whatever_he_keys_then() -> None:
    """Into a machine that somebody else brought along, say."""
    r = Room({"host": Phone(), "p1": Phone(1)}, terms={"confirm_joining": True}).after(3)
    r.press("p1", "1")
    for n in range(DIGITS_MAX + 1):
        r.now_ms += 100
        r.press("p1", "5" if n % 2 else "7")
    r.after(60)

    assert r.up() == {"host", "p1"}
    assert len(r.call.leg("p1").digits) == DIGITS_MAX


def comes_over(r: Room) -> None:
    leg = Leg("in", "+8613900000099", (ROUTE,), 8_000, came_in=True, tries=(Try(dialled_at_ms=r.now_ms),))
    r._take(ev.LegAdded(leg, "pin", r.now_ms, stem="in"))


def test_one_who_was_to_come_over_and_hung_up_on_the_way_keeps_nobody_waiting() -> None:
    r = Room({"host": Phone(), "p1": Phone(1, stays_s=5)}).after(3)
    comes_over(r)
    r.after(120)

    assert r.ended[:2] == ("completed", "system"), "the host was alone for as long as may be"
    assert {wish.leg for at_s, wish in r.asked(w.HangUp) if at_s < r.ended[2]} == {"in1"}


def test_one_who_comes_over_in_time_stays() -> None:
    r = Room({"host": Phone(), "p1": Phone(1, stays_s=5)}).after(3)
    comes_over(r)
    r.after(4)
    r._take(ev.Answered("in1", 0, r.now_ms))
    r.after(120)

    assert r.up() == {"host", "in1"}


def test_no_timer_is_asked_for_while_one_who_comes_hears_that_it_is_recorded() -> None:
    """The PBX would keep that, and all that is asked of others, waiting until the sound ends."""
    r = Room({"host": Phone(), "p1": Phone(1), "p2": Phone(10), "p3": Phone(10.2)}, terms={"consent": "announcement"})
    r.call = replace(r.call, secret="s", given={"record": "mixed"})
    r.after(20)

    [told_s] = [at_s for at_s, wish in r.asked(w.Play) if wish.leg == "p2"]
    timers_s = [at_s for at_s, wish in r.asked(w.Cutoff) if wish.leg == "p2"]
    assert not [at_s for at_s in timers_s if told_s < at_s < told_s + 0.5]
    assert [at_s for at_s in timers_s if told_s + 0.5 <= at_s < told_s + 1], "but then, as another one has come"


def test_of_two_who_add_the_same_phone_at_once_one_does_and_it_may_be_rung_again_once_it_has_left() -> None:
    r = Room({"host": Phone(), "p1": Phone(1), "p2": Phone(1, stays_s=5)}).after(3)
    leg = replace(r.leg("p1"), number="+8613900000099")
    first, second = (ev.LegAdded(leg, ask, r.now_ms, stem="p", is_one_only=True) for ask in ("a", "b"))
    r.phones["p3"] = r.phones["p4"] = Phone(1, stays_s=5)
    r._take(first)
    assert why_not_taken(r.call, second) == "there"
    r._take(second)
    assert "b" not in r.call.asks
    assert list(r.rung()) == ["host", "p1", "p2", "p3"]

    r.after(20)
    r._take(replace(second, at_ms=r.now_ms))
    assert "p4" in r.rung()


def test_one_who_was_removed_before_he_was_rung_takes_no_room_and_may_be_added_again() -> None:
    r = Room({"host": Phone(None), "p1": Phone(), "p2": Phone()}, terms={"phones_max": 3}).after(3)
    assert not has_room(r.call)
    r.tell("p1", "leave")
    assert has_room(r.call)
    assert why_not_taken(r.call, ev.LegAdded(r.leg("p1"), "a", r.now_ms, stem="p", is_one_only=True)) is None


@pytest.mark.parametrize("why", ["empty", "live_calls"])
def test_nobody_is_called_back_before_minutes_are_held(why: str) -> None:
    """Whoever makes us ring, by a number that is his or forged, has no more calls at once than the user may have."""
    story = Story("back")
    caller = replace(story.call.leg(CALLER), came_in=False, tries=())
    story.call = replace(story.call, legs=(caller,))
    wishes = story.after(100)
    assert [type(wish) for wish in wishes] == [w.Hold]

    story.sees(ev.HoldRefused(0, why, story.now_ms))
    assert story.ending == (Reason.BALANCE_EMPTY if why == "empty" else Reason.REFUSED, HungUpBy.SYSTEM)
    assert not [wish for wish in story.wishes if isinstance(wish, w.Dial)]


def test_who_has_minutes_is_called_back() -> None:
    story = Story("back")
    story.call = replace(story.call, legs=(replace(story.call.leg(CALLER), came_in=False, tries=()),))
    story.after(100)
    assert [wish.leg for wish in story.sees(ev.Held(0, 60, story.now_ms)) if isinstance(wish, w.Dial)] == [CALLER]
