"""A conference as a story, in its own time: who is rung when, who hears what, what is held, and when it ends. Where
seconds stand, the published examples' minutes are meant."""

from __future__ import annotations

import pytest

from ari_app.domain import wishes as w
from ari_app.flows import conference
from tests.unit.flows.room import Phone, Room


def room(*phones: Phone, balance_s: int = 100_000, **terms: object) -> Room:
    """Of the host and p1, p2, …"""
    roles = ["host", *(f"p{n}" for n in range(1, len(phones)))]
    return Room(dict(zip(roles, phones, strict=True)), balance_s, dict(terms))


# ---- who is rung ----------------------------------------------------------------------------------------------------


def test_host_first_then_all_others_at_once() -> None:
    r = room(Phone(5), Phone(1), Phone(2), Phone(3)).after(20)
    assert r.rung() == {"host": 0.0, "p1": 5.0, "p2": 5.0, "p3": 5.0}
    assert r.up() == {"host", "p1", "p2", "p3"}
    assert {wish.leg for _, wish in r.asked(w.Join)} == {"host", "p1", "p2", "p3"}


def test_nobody_is_rung_before_his_first_increment_is_held() -> None:
    r = room(Phone(1), Phone(1), Phone(1), Phone(1), balance_s=180, increment="60/60").after(30)
    assert r.rung() == {"host": 0.0, "p1": 1.0, "p2": 1.0}, "three increments are held, and so three are rung"


def test_who_waits_for_minutes_is_rung_after_a_top_up() -> None:
    r = room(Phone(1), Phone(1), Phone(1), balance_s=120, increment="60/60", hold_retry_ms=1000).after(10)
    r.top_up(60)
    r.after(20)
    assert 10 < r.rung()["p2"] < 12


def test_without_an_increment_for_two_nobody_is_rung() -> None:
    r = room(Phone(), Phone(), balance_s=119, increment="60/60").after(5)
    assert (r.rung(), r.ended[:2], r.charged[0]) == ({}, ("balance_empty", "system"), 0)


def test_without_minutes_a_phone_that_costs_nothing_is_rung_all_the_same() -> None:
    r = room(Phone(), Phone(on_net=True), Phone(), balance_s=60, increment="60/60").after(5)
    assert r.rung().keys() == {"host", "p1"}


def test_busy_and_mute_phones_do_not_stop_the_others() -> None:
    r = room(Phone(), Phone(1), Phone(busy=True), Phone(None), Phone(2)).after(60)
    assert r.up() == {"host", "p1", "p4"}
    assert r.call.leg("p3").outcome == "no_answer"


def test_no_more_phones_than_the_plan_allows() -> None:
    r = room(Phone(), Phone(1), Phone(1), Phone(1), phones_max=3).after(10)
    assert r.up() == {"host", "p1", "p2"}
    r.hang_up("p1")
    r.after(20)
    assert r.up() == {"host", "p2", "p3"}, "there is room for one again"


# ---- what is charged ------------------------------------------------------------------------------------------------


def test_a10_b10_c10_d5_are_35() -> None:
    r = room(Phone(), Phone(), Phone()).after(5)
    r.add("p3", Phone())
    r.after(10).cancel()
    r.after(11)
    assert r.charged == (35, {"host": 10, "p1": 10, "p2": 10, "p3": 5})
    assert r.ended == ("completed", "api", 10.0)


def test_a11_b11_c11_d3_are_36() -> None:
    """In whole minutes. A is called a minute before B and C; A lets it ring for 20 s, they for 10, and so they begin an
    eleventh minute."""
    r = room(Phone(20), increment="60/60", alone_timeout_ms=120_000).after(60)
    for role in ("p1", "p2"):
        r.add(role, Phone(10))
    r.after(490).add("p3", Phone(10))
    r.after(680).hang_up("host")
    assert r.after(681).charged == (36 * 60, {"host": 660, "p1": 660, "p2": 660, "p3": 180})


def test_who_leaves_burns_no_more() -> None:
    r = room(Phone(), Phone(stays_s=4), Phone(stays_s=6)).after(8)
    r.hang_up("host")
    assert r.after(9).charged == (18, {"host": 8, "p1": 4, "p2": 6})


def test_who_is_on_the_net_or_came_in_costs_nothing() -> None:
    r = room(Phone(), Phone(on_net=True), Phone()).after(10)
    r.hang_up("host")
    assert r.after(11).charged == (20, {"host": 10, "p2": 10})


@pytest.mark.parametrize(("increment", "charged_s"), [("60/60", 180), ("6/6", 36), ("60/1", 180), ("1/1", 33)])
def test_each_leg_is_rounded_alone(increment: str, charged_s: int) -> None:
    r = room(Phone(), Phone(), Phone(), increment=increment).after(11)
    r.cancel()
    assert r.after(12).charged[0] == charged_s


# ---- what is held, and the end of it --------------------------------------------------------------------------------


def test_what_is_held_grows_with_those_who_burn() -> None:
    held = []
    for phones in (2, 4, 8):
        r = room(*[Phone()] * phones).after(20)
        held.append(r.call.held_s)
        assert r.call.held_s >= 20 * phones + 8 * phones, "what they have talked, and a warning and margin for each"
    assert held[1] >= 1.5 * held[0]
    assert held[2] >= 1.5 * held[1]


def test_it_ends_with_the_funds_and_the_host_alone_is_warned() -> None:
    r = room(Phone(), Phone(), Phone(), balance_s=60).after(60)
    assert r.ended == ("balance_empty", "system", 20.0), "three burn three a second"
    assert [(at_s, wish.leg) for at_s, wish in r.asked(w.Whisper)] == [(14.0, "host")]
    assert r.charged[0] == 60
    assert r.call.settled is not None
    assert r.call.settled.overrun_s == 0


def test_funds_end_at_the_largest_t() -> None:
    """60/60, two from 0 and one from 20: five increments are two for each of the first, and one for the last."""
    r = room(Phone(), Phone(), Phone(20), balance_s=300, increment="60/60").after(300)
    assert r.ended == ("balance_empty", "system", 80.0)
    assert r.charged[0] == 300


def test_every_timer_in_the_pbx_stands_at_the_end_of_the_funds() -> None:
    r = room(Phone(), Phone(), Phone(), balance_s=60).after(10)
    assert set(r.timers_ms.values()) == {1_000_000 + 20_000 + 500}
    r.hang_up("p2")
    r.after(11)
    assert {r.timers_ms["host"], r.timers_ms["p1"]} == {1_000_000 + 25_000 + 500}, "30 are left for two"
    r.add("p3", Phone())
    r.after(12)
    assert {r.timers_ms[role] for role in ("host", "p1", "p3")} == {r.timers_ms["host"]}
    assert r.timers_ms["host"] < 1_000_000 + 22_000, "and 28 for three"


def test_an_end_that_comes_back_is_set_again() -> None:
    """Who came and left within a second has burnt nothing: the end is where it was, and the timers must be, too."""
    r = room(Phone(), Phone(), balance_s=100, hold_retry_ms=60_000).after(10)
    before = dict(r.timers_ms)
    r.add("p2", Phone(stays_s=0.4))
    r.after(10.2)
    assert r.timers_ms["host"] < before["host"]
    r.after(11)
    assert r.timers_ms["host"] == before["host"]


def test_a_top_up_lengthens_it_and_the_next_end_is_told_again() -> None:
    r = room(Phone(), Phone(), balance_s=40, hold_retry_ms=500).after(16)
    r.top_up(40)
    r.after(60)
    assert r.ended == ("balance_empty", "system", 40.0)
    assert [at_s for at_s, _ in r.asked(w.Whisper)] == [14.0, 34.0]


def test_who_rings_is_given_up_where_his_increment_is_burnt() -> None:
    """Those who talk are not cut off by one who answers for whom nothing is left."""
    r = room(Phone(), Phone(), Phone(29), balance_s=56, increment="6/1", hold_retry_ms=60_000).after(30)
    assert r.ended == ("balance_empty", "system", 28.0)
    assert next(at_s for at_s, wish in r.asked(w.HangUp) if wish.leg == "p2") == pytest.approx(25, abs=0.1)


def test_an_end_that_moves_a_little_is_not_told_again() -> None:
    r = room(Phone(), Phone(), Phone(), balance_s=60).after(15)
    r.hang_up("p2")
    assert r.after(60).ended == ("balance_empty", "system", 22.0), "15 are left for two, and of these 14 whole"
    assert [at_s for at_s, _ in r.asked(w.Whisper)] == [14.0]


def test_longest_duration() -> None:
    r = room(Phone(), Phone(), max_duration_s=30).after(60)
    assert r.ended == ("max_duration", "system", 30.0)
    assert r.call.held_s <= 60, "nothing is held for what cannot be talked"
    assert not list(r.asked(w.Whisper))


# ---- how it ends ----------------------------------------------------------------------------------------------------


def test_it_ends_with_the_host() -> None:
    r = room(Phone(), Phone(), Phone()).after(5)
    r.hang_up("host")
    assert r.after(6).ended == ("completed", "caller", 5.0)
    assert r.up() == set()


def test_or_goes_on_without_him_until_one_is_alone_too_long() -> None:
    r = room(Phone(), Phone(), Phone(stays_s=9), ends_with_host=False).after(5)
    r.hang_up("host")
    assert r.after(8).up() == {"p1", "p2"}
    assert r.after(60).ended == ("completed", "system", 29.0)
    assert r.charged == (5 + 29 + 9, {"host": 5, "p1": 29, "p2": 9})


def test_one_who_is_alone_as_the_pbx_cut_the_others_was_interrupted() -> None:
    """Our own process was away; the timer of one leg stood later than the others'."""
    r = room(Phone(), Phone(), Phone(), ends_with_host=False).after(5)
    r.cut("p1")
    r.cut("p2")
    assert r.after(60).ended == ("interrupted", "system", 25.0)


def test_and_ends_when_nobody_is_left() -> None:
    r = room(Phone(), Phone(stays_s=8), Phone(stays_s=6), ends_with_host=False).after(5)
    r.hang_up("host")
    assert r.after(60).ended == ("completed", "callee", 8.0)


def test_host_who_leaves_while_the_others_ring() -> None:
    r = room(Phone(), Phone(None), Phone(None)).after(5)
    r.hang_up("host")
    assert r.after(6).ended == ("caller_gave_up", "caller", 5.0)


@pytest.mark.parametrize(
    ("host", "ended"),
    [
        (Phone(busy=True), ("caller_busy", "caller")),
        (Phone(None), ("caller_no_answer", "system")),
    ],
)
def test_host_who_is_not_reached(host: Phone, ended: tuple[str, str]) -> None:
    r = room(host, Phone(), Phone()).after(60)
    assert (r.ended[:2], r.rung().keys()) == (ended, {"host"})


def test_nobody_came() -> None:
    r = room(Phone(), Phone(busy=True)).after(60)
    assert r.ended[:2] == ("callee_busy", "callee")
    assert r.ended[2] == pytest.approx(20, abs=0.1), "he may ring somebody else meanwhile"


def test_cancelled_before_anybody_talked() -> None:
    r = room(Phone(9), Phone()).after(5)
    r.cancel()
    assert r.after(6).ended == ("cancelled", "api", 5.0)


# ---- in the room ----------------------------------------------------------------------------------------------------


def test_removed_while_he_talks_and_while_he_rings() -> None:
    r = room(Phone(), Phone(), Phone(None), Phone()).after(5)
    r.tell("p1", "leave")
    r.tell("p2", "leave")
    r.after(6)
    assert r.up() == {"host", "p3"}
    assert not r.call.leg("p2").is_live


def test_the_same_number_is_rung_again_as_a_new_leg() -> None:
    r = room(Phone(), Phone(), Phone(busy=True)).after(5)
    r.add("p3", Phone(1))
    assert r.after(10).up() == {"host", "p1", "p3"}


def test_muted_and_heard_again() -> None:
    r = room(Phone(), Phone()).after(5)
    r.tell("p1", "mute")
    r.tell("p1", "mute")
    r.tell("p1", "unmute")
    said = [(wish.leg, wish.is_muted) for _, wish in r.asked(w.Mute)]
    assert said[-1] == ("p1", False)
    assert said[0] == ("p1", True)


def test_muted_before_he_answers_he_is_never_heard() -> None:
    r = room(Phone(), Phone(3)).after(1)
    r.tell("p1", "mute")
    r.after(5)
    kinds = [type(wish) for _, wish in r.wishes if getattr(wish, "leg", "") == "p1"]
    assert kinds.index(w.Mute) < kinds.index(w.Join)


def test_a_tone_when_somebody_comes_and_goes() -> None:
    r = room(Phone(), Phone(1), Phone(2, stays_s=3)).after(10)
    assert [(at_s, wish.sound) for at_s, wish in r.asked(w.PlayAll)] == [
        (1.0, "conference_entry"), (2.0, "conference_entry"), (5.0, "conference_leave"),
    ]  # fmt: skip
    assert not list(room(Phone(), Phone(1), tones=False).after(10).asked(w.PlayAll))


def test_an_answering_machine_does_not_come_in_where_one_must_confirm() -> None:
    r = room(Phone(), Phone(), Phone(), confirm_joining=True, confirm_timeout_ms=5_000).after(2)
    r.press("p1", "1")
    r.after(10)
    assert {wish.leg for _, wish in r.asked(w.Join)} == {"host", "p1"}
    assert r.up() == {"host", "p1"}


def test_nothing_is_asked_of_a_channel_while_it_is_spoken_to() -> None:
    """The PBX would keep it waiting until the sound is over, and all other requests behind it."""
    r = room(Phone(), Phone(), Phone(0.1), confirm_joining=True).after(0.3)
    r.add("p3", Phone())
    r.after(0.45)
    asked = [type(wish) for at_s, wish in r.wishes if getattr(wish, "leg", "") == "p1"]
    assert asked == [w.Dial, w.Cutoff, w.Play], "its timer first, and then the prompt"
    r.press("p1", "1")
    r.after(2)
    asked = [type(wish) for _, wish in r.wishes if getattr(wish, "leg", "") == "p1"]
    assert asked[3:5] == [w.Stop, w.Join]
    assert w.Cutoff in asked[5:], "and now its timer stands with the others'"


def test_who_is_called_shows_up_in_the_states() -> None:
    r = room(Phone(3), Phone(3))
    states = [conference.state(r.after(at_s).call) for at_s in (0, 4, 7)]
    r.cancel()
    assert [*states, conference.state(r.after(8).call)] == ["ringing_caller", "caller_answered", "talking", "ended"]
