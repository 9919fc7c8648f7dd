"""Devices before phones: which of a leg's ways is tried when, what no minutes allow, and what a talk costs. Pure: facts
in, wishes out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.domain import events as ev
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms
from ari_app.domain.causes import Outcome, Reason
from ari_app.domain.step import step
from ari_app.domain.wishes import Cutoff, Dial, HangUp, Hold, Settle, Wish
from ari_app.flows import callback

T0_MS, RING_MS, PDD_MS = 1_000_000, 20_000, 2_500
DEVICE = Route("", "", "+864", "to_caller", device="rbdx", ring_ms=RING_MS, pdd_ms=PDD_MS)
TRUNK = Route("t0", "+861", "+864", "to_caller", 60_000)
TERMS = Terms(max_duration_s=3600, prompt=False, increment="60/60", slice_s=60, warning_s=0, margin_s=5)


class Told:
    """A call, and what it has asked for."""

    def __init__(self, caller: tuple[Route, ...], callee: tuple[Route, ...], terms: Terms = TERMS) -> None:
        legs = tuple(Leg(role, "+861", routes, 45_000) for role, routes in ((CALLER, caller), (CALLEE, callee)))
        self.call = Call("c1", callback.TYPE, T0_MS, "ann", legs, terms)
        self.asked: list[Wish] = []
        self.now_ms = T0_MS
        self.tell(ev.Tick(T0_MS))

    def tell(self, *events: ev.Event) -> None:
        self.call, new, _ = step(self.call, events, callback.plan)
        self.asked += new
        self.now_ms = self.call.now_ms

    def held(self, seconds: int = 60) -> Told:
        self.tell(ev.Held(0, seconds, self.now_ms))
        return self

    def refused(self, why: str = "empty") -> Told:
        self.tell(ev.HoldRefused(0, why, self.now_ms))
        return self

    def dialled(self) -> list[tuple[str, int]]:
        return [(wish.leg, wish.n) for wish in self.asked if isinstance(wish, Dial)]

    def rings(self, role: str, n: int) -> None:
        self.tell(ev.Dialled(role, n, self.now_ms), ev.Done(f"dial:{role}:{n}", self.now_ms))
        self.tell(ev.Rang(role, n, self.now_ms))

    def answers(self, role: str, n: int) -> None:
        self.rings(role, n)
        self.tell(ev.Answered(role, n, self.now_ms))
        self.tell(ev.Done("bridge", self.now_ms), ev.Done(f"join:{role}:{n}", self.now_ms))

    def ends(self, role: str, n: int, **how: object) -> None:
        self.tell(ev.Gone(role, n, self.now_ms, **how))  # type: ignore[arg-type] # told by each test

    def at(self, ms: int) -> None:
        self.tell(ev.Tick(T0_MS + ms))

    @property
    def reason(self) -> Reason | None:
        return None if self.call.end is None else self.call.end.reason


def test_a_device_rings_first_and_for_its_own_time() -> None:
    told = Told((DEVICE, TRUNK), (TRUNK,)).held()
    [dial] = [wish for wish in told.asked if isinstance(wish, Dial)]
    assert (dial.n, dial.ring_ms) == (0, RING_MS)
    told.rings(CALLER, 0)
    told.at(RING_MS - 1)
    assert HangUp(CALLER, 0) not in told.asked
    told.at(RING_MS)
    assert HangUp(CALLER, 0) in told.asked
    told.ends(CALLER, 0)
    assert told.dialled() == [(CALLER, 0), (CALLER, 1)]
    assert told.asked[-1] == Dial(CALLER, 1, told.asked[-1].life_ms, 45_000)  # type: ignore[union-attr] # a Dial it is


def test_a_device_that_says_nothing_is_given_up_after_its_own_time() -> None:
    told = Told((DEVICE, TRUNK), (TRUNK,)).held()
    told.tell(ev.Dialled(CALLER, 0, T0_MS), ev.Done("dial:caller:0", T0_MS))
    told.at(PDD_MS - 1)
    assert HangUp(CALLER, 0) not in told.asked
    told.at(PDD_MS)
    told.ends(CALLER, 0)
    assert told.dialled() == [(CALLER, 0), (CALLER, 1)]


@pytest.mark.parametrize(
    ("how", "next_is_rung"),
    [
        ({"how": "failed", "why": "no_contact"}, True),
        ({"how": "remote", "sip_status": 503, "cause": 34}, True),
        ({"how": "remote", "sip_status": 480, "cause": 19}, True),
        ({"how": "remote", "sip_status": 486, "cause": 17}, False),
        ({"how": "remote", "sip_status": 603, "cause": 21}, False),
        ({"how": "unknown"}, False),
    ],
    ids=["not registered", "failed", "away", "busy", "rejected", "nobody knows"],
)
def test_what_the_person_said_is_final_and_a_device_that_he_is_not_at_is_not(how: object, next_is_rung: bool) -> None:
    told = Told((DEVICE, TRUNK), (TRUNK,)).held()
    told.tell(ev.Dialled(CALLER, 0, T0_MS), ev.Done("dial:caller:0", T0_MS))
    told.ends(CALLER, 0, **how)  # type: ignore[arg-type] # keywords of Gone
    assert ((CALLER, 1) in told.dialled()) is next_is_rung
    assert (told.reason is None) is next_is_rung


def test_a_trunk_s_no_answer_stays_final() -> None:
    told = Told((TRUNK, replace(TRUNK, trunk="t1")), (TRUNK,)).held()
    told.rings(CALLER, 0)
    told.at(45_000)
    assert told.reason is Reason.CALLER_NO_ANSWER
    assert told.dialled() == [(CALLER, 0)]


def test_the_last_device_that_cannot_be_reached_is_no_failure_of_a_trunk() -> None:
    told = Told((DEVICE,), (TRUNK,)).held()
    told.ends(CALLER, 0, how="failed", why="no_contact")
    assert told.call.leg(CALLER).outcome is Outcome.UNREACHABLE
    assert told.reason is Reason.CALLER_UNREACHABLE


# ---- minutes ------------------------------------------------------------------------------------------------------


def test_who_has_no_minutes_talks_from_device_to_device_as_long_as_anybody_may() -> None:
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).refused()
    told.answers(CALLER, 0)
    told.answers(CALLEE, 0)
    ends_ms = {wish.until_ms for wish in told.asked if isinstance(wish, Cutoff)}
    assert ends_ms == {T0_MS + 3600 * 1000 + 500}
    told.at(600_000)
    assert told.reason is None
    told.ends(CALLER, 0, how="remote", cause=16)
    told.ends(CALLEE, 0)
    assert told.reason is Reason.COMPLETED
    [settle] = [wish for wish in told.asked if isinstance(wish, Settle)]
    assert (settle.used_s, settle.rounded_s) == (0, 0)


def test_who_has_no_minutes_is_never_rung_over_a_trunk_and_rings_nobody_there() -> None:
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).refused()
    told.ends(CALLER, 0, how="failed", why="no_contact")
    assert (told.reason, told.dialled()) == (Reason.BALANCE_EMPTY, [(CALLER, 0)])
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).refused()
    told.answers(CALLER, 0)
    told.ends(CALLEE, 0, how="failed", why="no_contact")
    assert (told.reason, told.dialled()) == (Reason.CALLEE_UNREACHABLE, [(CALLER, 0), (CALLEE, 0)])


@pytest.mark.parametrize(("caller", "callee"), [((DEVICE, TRUNK), (TRUNK,)), ((TRUNK,), (DEVICE, TRUNK))])
def test_who_has_no_minutes_calls_nobody_where_one_of_both_has_no_device(
    caller: tuple[Route, ...], callee: tuple[Route, ...]
) -> None:
    told = Told(caller, callee).refused()
    assert (told.reason, told.dialled()) == (Reason.BALANCE_EMPTY, [])


def test_too_many_live_calls_are_too_many_on_the_net_as_well() -> None:
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).refused("live_calls")
    assert (told.reason, told.dialled()) == (Reason.REFUSED, [])


def test_of_two_on_the_net_who_have_minutes_none_are_used_and_no_more_are_held() -> None:
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).held()
    told.answers(CALLER, 0)
    told.answers(CALLEE, 0)
    told.at(900_000)
    assert told.reason is None
    assert len([wish for wish in told.asked if isinstance(wish, Hold)]) == 1
    assert callback.charge(told.call).used_s == 0


def test_a_mixed_call_is_charged_and_held_for_as_any_other() -> None:
    told = Told((DEVICE, TRUNK), (DEVICE, TRUNK)).held()
    told.answers(CALLER, 0)
    told.ends(CALLEE, 0, how="failed", why="no_contact")
    told.answers(CALLEE, 1)
    told.at(59_500)
    assert callback.charge(told.call).used_s == 59
    assert len([wish for wish in told.asked if isinstance(wish, Hold)]) > 1


def test_the_caller_s_channel_outlives_all_devices_of_the_callee() -> None:
    one, two = (Told((TRUNK,), (*[DEVICE] * n, TRUNK)).held() for n in (0, 2))
    lives = [wish.life_ms for told in (one, two) for wish in told.asked if isinstance(wish, Dial)]
    assert lives[1] - lives[0] >= 2 * RING_MS
