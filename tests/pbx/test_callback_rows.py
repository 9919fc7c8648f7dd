"""Every phone of the simulated carrier, called and calling: how the call goes, how it ends and why, what it costs.

All calls are placed at once; the tests then look at what the API, the carrier and the ledger say of each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ari_app.entrypoints.views import at_ms
from ari_app.stack import tones
from ari_app.stack.carrier import CarrierCall
from tests.conftest import nothing_is_left
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge
from tests.stories import Board, Shown, tell
from tests.support import until_sync

PLATFORM = "+864001234567"
TALK_S = 2
CLOCKS_DIFFER_MS = 500
"""At most, between what the PBX and the carrier say of one moment, while forty calls are made on a busy machine."""
STATES = ["queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended"]
REFUSED = [*STATES[:4], "ended"]  # by the callee's side: never talking
NOT_REACHED = [*STATES[:2], "ended"]  # the caller
IN_A_MOMENT = [*STATES[:3], "ended"]  # he may be gone before or after the callee's phone is rung


@dataclass(frozen=True)
class Row:
    """What is called, and what must come of it. `cause`, `sip`: of the leg that the row is about."""

    role: str
    phone: int
    reason: str
    by: str
    states: list[str]
    cause: int | None = None
    sip: int | None = None
    charged_s: int = 0
    caller: int = 6
    callee: int = 26
    asks: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        other = f"-to-{self.callee:02}" if self.role == "caller" and self.callee != 26 else ""
        return f"{self.role}-{self.phone:02}{other}" + "".join(f"-{one}" for one in self.asks)

    @property
    def phones(self) -> tuple[int, int]:
        return (self.caller, self.phone) if self.role == "callee" else (self.phone, self.callee)


callee = functools.partial(Row, "callee")
caller = functools.partial(Row, "caller")

CALLEES = [
    *(callee(phone, "completed", "api", STATES, 16, charged_s=60) for phone in (1, 9, 10, 19, 21, 28, 29, 31)),
    callee(22, "callee_busy", "callee", REFUSED, 17, 486),
    callee(23, "callee_no_answer", "system", REFUSED),
    callee(24, "callee_rejected", "callee", REFUSED, 21, 603),
    callee(25, "callee_unreachable", "callee", REFUSED, 1, 404),
    callee(26, "completed", "callee", STATES, 16, charged_s=60),
    callee(27, "callee_unreachable", "callee", REFUSED, 19, 480),
    callee(27, "callee_unreachable", "callee", REFUSED, 19, 480, asks={"early_media": "none"}),
    callee(30, "trunk_failed", "system", REFUSED, 34, 503),
    callee(32, "completed", "callee", STATES, 16),
    callee(33, "trunk_failed", "system", REFUSED),
    callee(34, "media_lost", "system", STATES, 44),
    callee(35, "media_lost", "system", STATES, 44),  # the media time-out is on; off: test_money.py
    callee(36, "callee_unreachable", "callee", REFUSED, 1, 404),
    callee(99, "callee_unreachable", "callee", REFUSED, 1, 404),
    callee(0, "callee_unreachable", "callee", REFUSED, 1, 404),
]
CALLERS = [
    caller(1, "completed", "callee", STATES, 16, charged_s=60),
    caller(10, "completed", "callee", STATES, 16, callee=32),
    caller(21, "completed", "callee", STATES, 16, callee=32),
    caller(22, "caller_busy", "caller", NOT_REACHED, 17, 486),
    caller(23, "caller_no_answer", "system", NOT_REACHED),
    caller(24, "caller_rejected", "caller", NOT_REACHED, 21, 603),
    caller(25, "caller_unreachable", "caller", NOT_REACHED, 1, 404),
    caller(26, "completed", "caller", STATES, 16, charged_s=60, callee=10),  # he hangs up, the callee would talk on
    caller(26, "caller_gave_up", "caller", REFUSED, 16, callee=23),
    caller(27, "caller_unreachable", "caller", NOT_REACHED, 19, 480),
    caller(28, "completed", "callee", STATES, 16, charged_s=60),
    caller(29, "completed", "callee", STATES, 16, charged_s=60),
    caller(29, "caller_not_confirmed", "system", [*STATES[:3], "ended"], 16, asks={"confirm_caller": True}),
    caller(30, "trunk_failed", "system", NOT_REACHED, 34, 503),
    caller(31, "completed", "callee", STATES, 16, callee=32),
    caller(32, "caller_gave_up", "caller", IN_A_MOMENT, 16, callee=23),
    caller(33, "trunk_failed", "system", NOT_REACHED),
    caller(34, "media_lost", "system", REFUSED, 44, callee=23),
    caller(35, "media_lost", "system", REFUSED, 44, callee=23),
    caller(36, "caller_unreachable", "caller", NOT_REACHED, 1, 404),
]
ROWS = [*CALLEES, *CALLERS]
FAILED = [row for row in ROWS if row.reason != "completed"]
ANNOUNCED = [row for row in CALLEES if row.states is REFUSED and (row.phone != 27 or row.asks)]  # 27 said it itself
BUSY_MS, NO_ANSWER_MS, UNAVAILABLE_MS, NOT_IN_SERVICE_MS, TRUNK_FAILED_MS = 3500, 1660, 3300, 4940, 1820
SOUND_MS = {
    22: BUSY_MS, 23: NO_ANSWER_MS, 24: UNAVAILABLE_MS, 25: NOT_IN_SERVICE_MS, 27: UNAVAILABLE_MS, 30: TRUNK_FAILED_MS,
    33: TRUNK_FAILED_MS, 36: NOT_IN_SERVICE_MS, 99: NOT_IN_SERVICE_MS, 0: NOT_IN_SERVICE_MS,
}  # fmt: skip
"""How long what is said takes, in Asterisk's English prompts: unavailable and not in service are told apart by it."""


@dataclass(frozen=True)
class Told:
    """One call after its end: by the API, by the carrier, by the ledger."""

    shown: Shown
    events: list[dict[str, Any]]
    caller: CarrierCall
    callee: CarrierCall | None
    balance: dict[str, Any]

    def leg(self, role: str) -> dict[str, Any]:
        return next(leg for leg in self.shown["legs"] if leg["role"] == role)

    @property
    def phones(self) -> list[tuple[dict[str, Any], CarrierCall]]:
        """Each leg that was dialled, as the app and as the carrier have it."""
        pairs = [(self.leg("caller"), self.caller), (self.leg("callee"), self.callee)]
        return [(leg, phone) for leg, phone in pairs if phone is not None]


@pytest.fixture(scope="module")
def told(ringbridge: Ringbridge, ground: Ground) -> dict[str, Told]:
    numbers = {str(row): (number(row.phones[0]), number(row.phones[1])) for row in ROWS}

    def story(row: Row) -> Callable[[Board], Shown]:
        def go(board: Board) -> Shown:
            user = ringbridge.user(str(row), numbers[str(row)][0])
            call = ringbridge.call(user, numbers[str(row)][1], **row.asks)
            if row.by == "api":
                board.hang_up(call, after_s=TALK_S)
            return board.until_ended(call)

        return go

    shown = tell(ringbridge, {str(row): story(row) for row in ROWS})

    def told_to_the_end(call: str) -> list[dict[str, Any]] | None:
        events: list[dict[str, Any]] = ringbridge.ask("GET", f"/v1/calls/{call}/events").body["events"]
        return events if events[-1]["state"] == "ended" else None

    def witness(row: str) -> Told:
        mine, theirs = numbers[row]
        ground.all_hung_up(mine, theirs)
        rung = ground.rings(theirs)
        assert len(rung) <= 1
        events = until_sync(lambda: told_to_the_end(shown[row]["id"]), 5, f"the end of {row} is written down")
        return Told(shown[row], events, ground.phone(mine), rung[0] if rung else None, ringbridge.balance(row))

    return {row: witness(row) for row in shown}


def by_row(rows: list[Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=str)


@by_row(ROWS)
def test_a_call_ends_as_its_phones_have_it(told: dict[str, Told], row: Row) -> None:
    call = told[str(row)]
    states = [event["state"] for event in call.events]
    assert states in ((IN_A_MOMENT, REFUSED) if row.states is IN_A_MOMENT else (row.states,))
    assert (call.shown["reason"], call.shown["hung_up_by"]) == (row.reason, row.by)
    leg = call.leg(row.role)
    assert leg["sip_status"] == row.sip
    if row.cause is not None:
        assert leg["cause"] == row.cause
    assert leg["tried"] == ["carrier"]


@by_row(ROWS)
def test_what_was_talked_is_charged_and_nothing_else(told: dict[str, Told], row: Row) -> None:
    call = told[str(row)]
    assert (call.shown["charged_s"], call.shown["overrun_s"]) == (row.charged_s, 0)
    assert call.balance["held_s"] == 0
    assert call.balance["available_s"] == 3600 - row.charged_s
    assert call.leg("callee")["charged_s"] == row.charged_s
    for leg in call.shown["legs"]:
        # the carrier takes a begun minute of each leg that answered, whoever pays for what
        is_billed = leg["answered_at"] is not None
        assert leg["cost"] == {"micro": 60_000 if is_billed else 0, "currency": "CNY"}


@by_row(ROWS)
def test_each_phone_sees_the_right_number(told: dict[str, Told], row: Row) -> None:
    """By what the carrier was sent: the platform's to the caller, the caller's own to the callee."""
    call = told[str(row)]
    assert (call.caller.from_user, call.caller.pai_user) == (PLATFORM, PLATFORM)
    assert call.leg("caller")["shown"] == PLATFORM
    if call.callee is not None:
        is_shown = call.callee.from_user is not None or row.states is not IN_A_MOMENT  # else cancelled as it came
        if is_shown:
            assert (call.callee.from_user, call.callee.pai_user) == (call.caller.number, call.caller.number)
        assert (call.leg("callee")["shown"], call.leg("callee")["why"]) == (call.caller.number, "verified")


@by_row(ROWS)
def test_the_callee_is_rung_only_once_the_caller_has_answered(told: dict[str, Told], row: Row) -> None:
    call = told[str(row)]
    if row.states is NOT_REACHED or row.reason == "caller_not_confirmed":
        assert call.callee is None
    elif row.states is not IN_A_MOMENT or call.callee is not None:
        assert call.callee is not None
        assert call.caller.answered_at_ms is not None
        assert call.callee.invited_at_ms >= call.caller.answered_at_ms


@by_row(ROWS)
def test_the_times_are_those_of_the_carrier(told: dict[str, Told], row: Row) -> None:
    for leg, phone in told[str(row)].phones:
        times = [(leg["answered_at"], phone.answered_at_ms), (leg["ended_at"], phone.ended_at_ms)]
        if row.states is not IN_A_MOMENT:
            times.append((leg["rang_at"], phone.rang_at_ms))
        for ours, theirs in times:
            assert (ours is None) == (theirs is None)
            if theirs is not None:
                assert at_ms(ours) == pytest.approx(theirs, abs=CLOCKS_DIFFER_MS)


@by_row(ROWS)
def test_events_are_numbered_and_in_order(told: dict[str, Told], row: Row) -> None:
    events = told[str(row)].events
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)
    assert [event["state"] for event in events] == sorted((event["state"] for event in events), key=STATES.index)
    assert (events[-1]["reason"], events[-1]["charged_s"]) == (row.reason, row.charged_s)


@by_row([row for row in ROWS if row.reason in ("completed", "caller_gave_up") and row.by == row.role])
def test_when_one_phone_ends_the_call_the_other_is_hung_up_at_once(told: dict[str, Told], row: Row) -> None:
    call = told[str(row)]
    if call.callee is None:
        assert row.states is IN_A_MOMENT
        return
    first, then = (call.caller, call.callee) if row.role == "caller" else (call.callee, call.caller)
    assert (first.hung_up_by, then.hung_up_by) == ("phone", "platform")
    assert 0 <= ended_ms(then) - ended_ms(first) <= 1000


@by_row(ANNOUNCED)
def test_the_caller_is_told_why_the_callee_cannot_be_reached(told: dict[str, Told], row: Row) -> None:
    """Speech, between the failure and the end of his call: as long as the right words take, then he is hung up."""
    call = told[str(row)]
    assert call.callee is not None
    assert spoken_ms(call.caller, ended_ms(call.callee)) > 500
    too_long_ms = ended_ms(call.caller) - ended_ms(call.callee) - SOUND_MS[row.phone]
    assert -700 <= too_long_ms <= 1400  # of any other, longer sound it would be 1440 or more
    assert call.caller.hung_up_by == "platform"


def test_who_heard_his_callees_own_network_is_told_nothing_more(told: dict[str, Told]) -> None:
    call = told["callee-27"]
    assert call.callee is not None
    assert ended_ms(call.caller) - ended_ms(call.callee) < UNAVAILABLE_MS / 2


def ended_ms(phone: CarrierCall) -> int:
    assert phone.ended_at_ms is not None
    return phone.ended_at_ms


def spoken_ms(phone: CarrierCall, from_ms: int) -> int:
    """How long something that is no tone was heard on this phone, since then."""
    assert phone.recording is not None
    assert phone.answered_at_ms is not None
    after_ms = from_ms - phone.answered_at_ms
    slices = tones.timeline(Path(phone.recording), candidates=(450,))
    return sum(50 for one in slices if one.at_ms >= after_ms and one.other_db > -35)


def test_nothing_is_left_behind(told: dict[str, Told], ground: Ground, ringbridge: Ringbridge) -> None:
    assert told
    nothing_is_left(ground, ringbridge)
