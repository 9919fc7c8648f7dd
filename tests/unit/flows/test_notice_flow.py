"""What the phone of a notice hears, what its keys do, and how it ends: the flow alone, fed with facts."""

from __future__ import annotations

import pytest

from ari_app.desks.notice_tries import try_of
from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLEE, Call, Leg, Route, Terms
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import step
from ari_app.flows import notice, notice_script

PAUSE_MS = notice_script.PAUSE_MS
MENU = "press_1_confirm&press_2_again&press_3_sender"


class Phone:
    """One that was rung and has answered; time passes only as it is told."""

    def __init__(self, confirm: str = "1", rounds: int = 2, held_s: int = 60, most_s: int = 180) -> None:
        given = {"said": "text:t1", "confirm": confirm, "rounds": str(rounds), "notice": "n1", "n": "0"}
        terms = Terms(slice_s=60, margin_s=15, warning_s=0, max_duration_s=most_s)
        leg = Leg(CALLEE, "+861", (Route("t", "+861", "+864", "x"),), 30_000)
        self.call = Call("c1", notice.TYPE, 0, "alice", (leg,), terms, given=given)
        self.wished: list[w.Wish] = []
        self.wakes_ms: int | None = None
        self.fold(ev.Tick(0))
        self.fold(ev.Held(0, held_s, 0))
        self.fold(ev.Dialled(CALLEE, 0, 10), ev.Rang(CALLEE, 0, 20), ev.Answered(CALLEE, 0, 1_000))

    def fold(self, *events: ev.Event) -> None:
        self.call, wishes, self.wakes_ms = step(self.call, events, notice.plan)
        self.wished += wishes
        if dones := [ev.Done(one.key, self.call.now_ms) for one in wishes if not isinstance(one, w.Hold | w.Settle)]:
            self.fold(*dones)

    def plays(self) -> str:
        """What sounds now: its name without the gaps; "" for silence."""
        begun = [one for one in self.wished if isinstance(one, w.Play)]
        last = begun[-1].name if begun else ""
        return "" if last in self.call.played or f"stop:{last}" in self.call.asked else last.rpartition("_")[0]

    def sound(self) -> str:
        return next(one.sound for one in reversed(self.wished) if isinstance(one, w.Play))

    def ends_sound(self, after_ms: int = 1_000, *, is_whole: bool = True) -> str:
        """It ends; what is heard next."""
        name = next(one.name for one in reversed(self.wished) if isinstance(one, w.Play))
        self.fold(ev.Played(name, self.call.now_ms + after_ms, is_whole=is_whole))
        return self.plays()

    def presses(self, digit: str) -> str:
        """What is heard next, once what sounded has been stopped."""
        before = self.plays()
        self.fold(ev.Digit(CALLEE, 0, digit, self.call.now_ms + 100))
        stopped = [one.name for one in self.wished if isinstance(one, w.Stop)]
        assert not before or any(name.startswith(before) for name in stopped)
        for name in stopped:
            self.fold(ev.Played(name, self.call.now_ms + 10, is_whole=True))  # as the PBX tells of a stop
        return self.plays()

    def waits(self, ms: int) -> str:
        self.fold(ev.Tick(self.call.now_ms + ms))
        return self.plays()

    def hangs_up(self, *, cause: int = 16) -> None:
        self.fold(ev.HangupSeen(CALLEE, 0, self.call.now_ms + 10, remote=True, cause=cause))
        self.fold(ev.Gone(CALLEE, 0, self.call.now_ms + 10, cause=cause))

    @property
    def end(self) -> tuple[Reason, HungUpBy] | None:
        return None if self.call.end is None else (self.call.end.reason, self.call.end.by)


def test_it_is_said_so_often_with_time_for_a_key_and_then_the_phone_is_let_go() -> None:
    phone = Phone()
    assert phone.plays() == "intro"
    assert phone.sound() == "notice_from"
    assert phone.ends_sound() == "said_0_0"
    assert phone.sound() == "text:t1"
    assert phone.ends_sound() == "menu_0_0"
    assert phone.sound() == MENU
    assert phone.ends_sound() == ""
    assert phone.waits(PAUSE_MS - 1) == ""
    assert phone.waits(1) == "said_0_1"
    assert phone.ends_sound() == "menu_0_1"
    assert phone.ends_sound() == ""
    assert phone.end is None, "there is time for a key still"
    phone.waits(PAUSE_MS)
    assert phone.end == (Reason.COMPLETED, HungUpBy.SYSTEM)
    assert (try_of(phone.call).outcome, try_of(phone.call).is_heard) == ("heard", True)


def test_the_key_confirms_at_any_moment_and_he_is_thanked() -> None:
    for confirm in "149":
        for ends in range(4):
            phone = Phone(confirm)
            for _ in range(ends):
                phone.ends_sound()
            assert phone.presses(confirm) == "bye"
            assert phone.sound() == "goodbye"
            phone.ends_sound()
            assert phone.end == (Reason.COMPLETED, HungUpBy.SYSTEM)
            told = try_of(phone.call)
            assert (told.outcome, told.key, told.is_heard) == ("confirmed", confirm, ends > 1)


def test_who_hangs_up_after_the_key_has_confirmed_all_the_same() -> None:
    phone = Phone()
    phone.presses("1")
    phone.hangs_up()
    assert phone.end == (Reason.COMPLETED, HungUpBy.CALLEE)
    assert try_of(phone.call).outcome == "confirmed"


def test_two_says_it_again_from_the_text_on_and_not_for_ever() -> None:
    phone = Phone()
    phone.ends_sound()
    assert phone.presses("2") == "said_1_0"
    phone.ends_sound()
    assert phone.presses("2") == "said_2_0"
    for n in (3, 4, 5):
        assert phone.presses("2") == f"said_{n}_0"
    phone.fold(ev.Digit(CALLEE, 0, "2", phone.call.now_ms + 100))
    assert phone.plays() == "said_5_0", "that is often enough"
    assert phone.presses("1") == "bye"
    assert try_of(phone.call).outcome == "confirmed"


def test_three_tells_that_he_is_called_back() -> None:
    phone = Phone()
    assert phone.presses("3") == "bye"
    assert phone.sound() == "we_call_back"
    phone.ends_sound()
    told = try_of(phone.call)
    assert (told.outcome, told.key) == ("connect", "3")


def test_other_keys_mean_nothing_and_without_a_key_to_confirm_one_is_none() -> None:
    phone = Phone(confirm="")
    phone.ends_sound()
    phone.fold(ev.Digit(CALLEE, 0, "1", phone.call.now_ms + 100), ev.Digit(CALLEE, 0, "#", phone.call.now_ms + 200))
    assert phone.plays() == "said_0_0"
    phone.ends_sound()
    assert phone.sound() == "press_2_again&press_3_sender"
    assert notice_script.menu("4") == "press_n_confirm:4&press_2_again&press_3_sender"


def test_a_sound_that_was_broken_off_was_not_heard() -> None:
    phone = Phone()
    phone.ends_sound()
    phone.ends_sound(is_whole=False)
    phone.hangs_up()
    assert (try_of(phone.call).outcome, try_of(phone.call).is_heard) == ("unheard", False)


def test_what_a_gap_has_cut_short_is_said_once_more() -> None:
    phone = Phone()
    phone.ends_sound()
    assert phone.plays() == "said_0_0"
    phone.fold(ev.Recovered(phone.call.now_ms + 500))
    assert phone.wished[-1] == w.Play(CALLEE, 0, "said_0_0_1", "text:t1")
    phone.ends_sound()
    assert try_of(phone.call).is_heard


@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [(17, 486, "busy"), (21, 603, "rejected"), (1, 404, "unreachable"), (34, 503, "trunk_failed")],
)
def test_who_does_not_answer_is_told_by_what_the_network_said(cause: int, sip: int, outcome: str) -> None:
    phone = Phone()
    call, _, _ = step(_unanswered(phone.call), [ev.Gone(CALLEE, 0, 5_000, cause=cause, sip_status=sip)], notice.plan)
    told = try_of(call)
    assert (told.outcome, told.was_sent, told.answered_at_ms) == (outcome, True, None)


def _unanswered(like: Call) -> Call:
    call = Call("c1", notice.TYPE, 0, "alice", (Leg(CALLEE, "+861", like.legs[0].routes, 30_000),), like.terms,
                given=like.given)  # fmt: skip
    for events in ([ev.Tick(0)], [ev.Held(0, 60, 0)], [ev.Dialled(CALLEE, 0, 10), ev.Done("dial:callee:0", 10)]):
        call, _, _ = step(call, events, notice.plan)
    return call


def test_nobody_is_rung_without_minutes() -> None:
    like = Phone().call
    leg = Leg(CALLEE, "+861", like.legs[0].routes, 30_000)
    call = Call("c1", notice.TYPE, 0, "alice", (leg,), Terms(), given=like.given)
    call, wishes, _ = step(call, [ev.Tick(0)], notice.plan)
    assert [type(one) for one in wishes] == [w.Hold]
    call, wishes, _ = step(call, [ev.HoldRefused(0, "empty", 5)], notice.plan)
    assert call.end is not None
    assert call.end.reason is Reason.BALANCE_EMPTY
    assert not any(isinstance(one, w.Dial) for one in wishes)


def test_it_is_cut_at_what_is_held_and_more_is_held_before() -> None:
    phone = Phone(held_s=60)
    [cut] = [one for one in phone.wished if isinstance(one, w.Cutoff)]
    assert cut.until_ms == 1_000 + 60_000 + notice.CUTOFF_GRACE_MS
    phone.waits(46_000)
    assert [one.n for one in phone.wished if isinstance(one, w.Hold)][-1] == 1
    phone.fold(ev.HoldRefused(1, "empty", phone.call.now_ms))
    phone.waits(15_000)
    assert phone.end == (Reason.BALANCE_EMPTY, HungUpBy.SYSTEM)


def test_it_takes_no_longer_than_was_asked_for() -> None:
    phone = Phone(held_s=60, most_s=30)
    phone.waits(29_999)
    assert phone.end is None
    phone.waits(1)
    assert phone.end == (Reason.MAX_DURATION, HungUpBy.SYSTEM)


@pytest.mark.parametrize(("why", "was_sent"), [("channels", False), ("no_contact", False), ("", True)])
def test_what_a_trunk_had_no_line_for_is_no_try_and_what_nobody_can_tell_is_one(why: str, was_sent: bool) -> None:
    """A phone that refused at once while nobody watched looks like a channel that was never dialled: it may have rung,
    and nobody is rung once more for the same try."""
    failed = ev.Gone(CALLEE, 0, 5_000, how="failed", why=why)
    call, _, _ = step(_unanswered(Phone().call), [failed], notice.plan)
    assert (try_of(call).outcome, try_of(call).was_sent) == ("trunk_failed", was_sent)
