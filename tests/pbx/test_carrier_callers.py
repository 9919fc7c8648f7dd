"""Phones of the simulated carrier that call: what each does, by what is written down at both ends. The carrier calls
itself here, so that nothing of the product is part of it; all calls are placed at once."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ari_app.stack import StackError, tones
from ari_app.stack.carrier import CarrierCall, read_calls
from tests.callers import Caller, dial_in
from tests.pbx.sipp.carrier import Carrier, heard_by_phone, started
from tests.support import until_sync

CALLS: dict[str, dict[str, Any]] = {
    # what is called: what the caller does
    "+8613900070001": {"keys": "w1 12# w0.5 9", "hang_up_after_s": 5},
    "+8613900070002": {"hang_up_after_s": 60},  # is told to press and to hang up
    "+8613900070022": {},
    "+8613900070024": {},
    "+8613900070023": {"ring_s": 2},
    "+8613900170023": {},  # is told to hang up while it rings
    "+8613900070021": {"hang_up_after_s": 1},
    "+8613900070026": {},
    "+8613900070027": {},
    "+8613900070028": {"hang_up_after_s": 7},  # the other end presses 1 after 3 s
    "+8613988310012": {"hang_up_after_s": 9},  # 3 after 3 s, 1 after 6 s
    "+8613988030013": {"hang_up_after_s": 9},  # 3 after 6 s
}

LATE_MS, APART_MS = 800, 300
"""So much later than it should a phone may do a thing where the machine stands still for a moment; and so far apart may
be what the two ends say of one moment."""
UNAVOIDABLE = "Unable to forward frametype"  # sound of the caller that is on its way when the other side refuses


@dataclass(frozen=True)
class Both:
    """A call as the phone that placed it and the phone that was called saw it."""

    caller: CarrierCall
    called: CarrierCall


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    yield from started(tmp_path_factory.mktemp("carrier"))


@pytest.fixture(scope="module")
def by_command(carrier: Carrier) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Two of them are placed from the command line."""
    with (
        command(carrier, "+8613800080030", "+8613900270022") as busy,
        command(carrier, "+8613800080031", "+8613900370023") as rings,
    ):
        yield {"busy": busy, "rings": rings}


@pytest.fixture(scope="module")
def seen(carrier: Carrier, by_command: object) -> dict[str, Both]:
    callers = {
        to: dial_in(carrier, f"+86138000800{at:02}", to, port=carrier.port, **does)
        for at, (to, does) in enumerate(CALLS.items(), start=1)
    }
    callers["+8613900170023"].until_ringing()
    callers["+8613900170023"].hang_up_now()
    callers["+8613900070002"].press_now("481516")
    callers["+8613900070002"].press_now("#")
    callers["+8613900070002"].hang_up_now()
    return {to: both(carrier, caller) for to, caller in callers.items()}


def both(carrier: Carrier, caller: Caller) -> Both:
    one = caller.until_ended(within_s=20)

    def other() -> CarrierCall | None:
        calls = [call for call in read_calls(carrier.records, with_tones=False) if call.direction == "outbound"]
        return next((call for call in calls if call.number == one.number and call.ended_at_ms), None)

    return Both(one, until_sync(other, 5, f"the other end of {one.number}"))


def test_both_ends_know_who_called_whom(seen: dict[str, Both]) -> None:
    for at, (to, ends) in enumerate(seen.items(), start=1):
        assert (ends.caller.direction, ends.called.direction) == ("inbound", "outbound")
        assert ends.caller.number == ends.called.number == to
        assert ends.caller.from_user == ends.called.from_user == f"+86138000800{at:02}"
        assert ends.called.invited_at_ms - ends.caller.invited_at_ms < LATE_MS


@pytest.mark.parametrize(
    ("to", "status", "by"),
    [
        ("+8613900070001", 200, "phone"),
        ("+8613900070002", 200, "phone"),
        ("+8613900070022", 486, "platform"),
        ("+8613900070024", 603, "platform"),
        ("+8613900070023", None, "phone"),
        ("+8613900170023", None, "phone"),
        ("+8613900070026", 200, "platform"),
        ("+8613900070027", 480, "platform"),
    ],
)
def test_how_the_call_ended_and_by_whom(seen: dict[str, Both], to: str, status: int | None, by: str) -> None:
    ends = seen[to]
    assert (ends.caller.sip_status, ends.caller.hung_up_by) == (status, by)
    other = {"phone": "platform", "platform": "phone"}[by]
    assert ends.called.hung_up_by == other, "to the phone that was called, the caller's side is the platform"


def test_the_times_of_a_call_are_those_of_the_other_end(seen: dict[str, Both]) -> None:
    ends = seen["+8613900070021"]
    for what in ("rang_at_ms", "answered_at_ms", "ended_at_ms"):
        assert getattr(ends.caller, what) == pytest.approx(getattr(ends.called, what), abs=APART_MS), what
    assert ends.caller.talked_ms is not None
    assert -200 <= ends.caller.talked_ms - 1000 <= LATE_MS
    early = seen["+8613900070027"]
    assert early.caller.early_media_at_ms == pytest.approx(early.called.early_media_at_ms, abs=APART_MS)
    assert (early.caller.rang_at_ms, early.caller.answered_at_ms) == (None, None)


def test_a_caller_who_gives_up_lets_it_ring_as_long_as_he_was_told(seen: dict[str, Both]) -> None:
    call = seen["+8613900070023"].caller
    assert call.rang_at_ms is not None
    assert call.ended_at_ms is not None
    assert -200 <= call.ended_at_ms - call.invited_at_ms - 2000 <= LATE_MS
    assert call.answered_at_ms is None


def test_keys_are_pressed_when_they_should_be_and_come_to_the_other_end(seen: dict[str, Both]) -> None:
    for to, keys in (("+8613900070001", "12#9"), ("+8613900070002", "481516#")):
        assert seen[to].caller.pressed == keys
        assert seen[to].called.digits == keys


def test_keys_of_the_other_end_are_written_down_too(seen: dict[str, Both]) -> None:
    assert seen["+8613900070028"].caller.digits == seen["+8613900070028"].called.pressed == "1"


def test_a_number_with_keys_in_it_presses_them_by_its_beats(seen: dict[str, Both]) -> None:
    for to, keys in (("+8613988310012", "31"), ("+8613988030013", "3")):
        assert seen[to].called.pressed == seen[to].caller.digits == keys
    sound = heard_by_phone(seen["+8613988030013"].caller)
    assert tones.gaps(sound, 950, 1000, 6000) == [], "no key in the first beat"


def test_both_ends_hear_each_others_tone_until_the_end(seen: dict[str, Both]) -> None:
    ends = seen["+8613900070002"]
    caller, called = heard_by_phone(ends.caller), heard_by_phone(ends.called)
    assert ends.called.recorded_ms is not None
    assert tones.gaps(called, 400, 200, ends.called.recorded_ms - 100, at_least_ms=400) == [], "but for its keys"
    begin_ms = tones.first_heard(caller, 400)
    assert begin_ms is not None
    assert ends.caller.recorded_from_ms is not None
    assert ends.caller.recorded_from_ms + begin_ms == pytest.approx(ends.caller.answered_at_ms, abs=APART_MS)
    assert tones.gaps(caller, 400, begin_ms, tones.duration_ms(caller) - 100) == []


def test_early_media_is_heard_before_any_answer(seen: dict[str, Both]) -> None:
    sound = heard_by_phone(seen["+8613900070027"].caller)
    begin_ms = tones.first_heard(sound, 1400)
    assert begin_ms is not None
    assert tones.gaps(sound, 1400, begin_ms, begin_ms + 3800) == []


def test_the_command_line_tells_how_the_call_went(by_command: dict[str, subprocess.Popen[str]]) -> None:
    phone = by_command["busy"]
    said, _ = phone.communicate(timeout=15)
    told = json.loads(said)
    assert (phone.returncode, told["sip_status"], told["hung_up_by"]) == (0, 486, "platform")
    assert (told["direction"], told["from_user"], told["number"]) == ("inbound", "+8613800080030", "+8613900270022")


def test_ctrl_c_hangs_the_phone_up_while_it_rings(
    carrier: Carrier, by_command: dict[str, subprocess.Popen[str]]
) -> None:
    phone = by_command["rings"]
    until_sync(lambda: any(call.rang_at_ms for call in to(carrier, "+8613900370023")), 10, "it rings")
    phone.send_signal(signal.SIGINT)
    said, _ = phone.communicate(timeout=10)
    assert (phone.returncode, json.loads(said)["hung_up_by"]) == (130, "phone")
    until_sync(lambda: all(call.ended_at_ms for call in to(carrier, "+8613900370023")), 5, "both ends know it")


def to(carrier: Carrier, number: str) -> list[CarrierCall]:
    return [call for call in read_calls(carrier.records, with_tones=False) if call.number == number]


def command(carrier: Carrier, *args: str) -> subprocess.Popen[str]:
    state_dir = carrier.records.parent.parent
    words = ["stack", "dial-in", *args, "--port", str(carrier.port), "--json", "--state-dir", str(state_dir)]
    program = [sys.executable, "-m", "ari_app.entrypoints.cli", *words]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)


def test_a_call_that_cannot_be_made_is_refused_with_a_sentence(carrier: Carrier) -> None:
    with pytest.raises(StackError, match="neither keys"):
        dial_in(carrier, "+8613800080001", "+8613900070001", keys="w2 12x", port=carrier.port)
    with pytest.raises(StackError, match="no number"):
        dial_in(carrier, "+8613800080001", "+861\nSetvar: X=1", port=carrier.port)


def test_nothing_is_left_and_the_carrier_complains_of_nothing(carrier: Carrier, seen: dict[str, Both]) -> None:
    assert seen, "after every call"
    until_sync(lambda: carrier.stack.asterisk_rx("carrier", "core show channels count").startswith("0 active"), 5)
    log = (carrier.records.parent / "log/messages.log").read_text()
    said = [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]
    assert [line for line in said if UNAVOIDABLE not in line] == []
