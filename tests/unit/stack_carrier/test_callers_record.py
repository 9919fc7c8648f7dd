"""The carrier's record of a phone that calls, fed with rows as Asterisk writes them: three channels, one call."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ari_app.stack.carrier import CarrierCall, CarrierRecord, read_calls

T0 = 1_795_424_038
ID = "in0123456789ab"
PERSON, LINE, LEG = "Local/s@calling-line-00000000;1", "Local/s@calling-line-00000000;2", "PJSIP/platform-00000000"
CALLER, PLATFORM = "+8613900000503", "+864001234567"


class Cel:
    """Writes the file that Asterisk would write."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def row(self, event: str, at_s: float, channel: str, extra: object = "") -> None:
        uniqueid = {PERSON: "1.0", LINE: "1.1"}.get(channel, "1.2")
        values = [event, f"{T0 + at_s:.6f}", uniqueid, "s", channel, json.dumps(extra) if extra else ""]
        with (self.directory / "cel.csv").open("a") as out:
            out.write(",".join('"' + value.replace('"', '""') + '"' for value in values) + "\n")

    def says(self, event: str, at_s: float, channel: str = PERSON, more: str = "") -> None:
        self.row(event, at_s, channel, {"extra": f"call={ID}{more}"})

    def calling(self) -> None:
        """The INVITE is out."""
        self.row("CHAN_START", 0, PERSON)
        self.row("CHAN_START", 0, LINE)
        self.row("ANSWER", 0, PERSON)
        self.says("CALLING", 0.01, more="&from=%2B8613900000503&to=%2B864001234567")
        self.row("CHAN_START", 0.05, LEG)
        self.says("DIALED", 0.05, LEG)

    def over(self, at_s: float, source: str, cause: int, sip: str) -> None:
        self.row("HANGUP", at_s, LEG, {"hangupcause": cause, "hangupsource": source, "dialstatus": ""})
        self.row("CHAN_END", at_s, LEG)
        self.says("OUTCOME", at_s, LINE, f"&sip={sip}")
        self.row("CHAN_END", at_s, LINE)
        self.says("HEARD", at_s)
        self.row("CHAN_END", at_s, PERSON)

    def recording(self, silent_ms: int, sound_ms: int) -> None:
        (self.directory / f"{ID}.sln").write_bytes(bytes(silent_ms * 16) + b"\x00\x10" * 8 * sound_ms)

    def call(self) -> CarrierCall:
        [call] = read_calls(self.directory, with_tones=False)
        return call


@pytest.fixture
def cel(tmp_path: Path) -> Cel:
    return Cel(tmp_path)


def test_a_call_of_a_phone_is_one_call_with_its_two_numbers(cel: Cel) -> None:
    cel.calling()
    cel.says("RING", 0.2)
    cel.row("ANSWER", 2, LEG)
    cel.says("KEYS", 3, more="&keys=12%23")
    cel.says("KEYS", 4, more="&keys=9")
    cel.row("DTMF", 4.5, LEG, {"digit": "7", "duration_ms": 100})
    cel.over(5, PERSON, 16, "SIP%20200%20OK")
    call = cel.call()
    assert (call.id, call.direction, call.number, call.from_user) == (ID, "inbound", PLATFORM, CALLER)
    times = (call.invited_at_ms, call.rang_at_ms, call.answered_at_ms, call.ended_at_ms)
    assert [at_ms and at_ms - T0 * 1000 for at_ms in times] == [50, 200, 2000, 5000]
    assert (call.pressed, call.digits, call.sip_status, call.hung_up_by) == ("12#9", "7", 200, "phone")


@pytest.mark.parametrize(
    ("source", "sip", "by", "status"),
    [
        (LEG, "SIP%20486%20Busy%20Here", "platform", 486),
        (LEG, "SIP%20200%20OK", "platform", 200),
        ("", "SIP%20180%20Ringing", "phone", None),
        ("dialplan/builtin", "", "phone", None),
    ],
)
def test_who_ended_it_and_what_the_platform_answered(
    cel: Cel, source: str, sip: str, by: str, status: int | None
) -> None:
    cel.calling()
    cel.over(1, source, 17, sip)
    assert (cel.call().hung_up_by, cel.call().sip_status) == (by, status)


def test_it_has_not_ended_before_the_recording_is_whole_and_the_answer_known(cel: Cel) -> None:
    record = CarrierRecord(cel.directory)
    cel.calling()
    cel.row("HANGUP", 3, LEG, {"hangupcause": 16, "hangupsource": LEG, "dialstatus": ""})
    cel.row("CHAN_END", 3, LEG)
    cel.says("OUTCOME", 3, LINE, "&sip=SIP%20200%20OK")
    [call] = record.calls()
    assert (call.ended_at_ms, call.hung_up_by) == (None, None)
    cel.says("HEARD", 3.1)
    [call] = record.calls()
    assert (call.ended_at_ms, call.hung_up_by) == ((T0 + 3) * 1000, "platform")


def test_a_leg_that_is_only_just_made_is_no_call_yet(cel: Cel) -> None:
    """It would look like a call of the platform to a phone called s."""
    cel.row("CHAN_START", 0, PERSON)
    cel.row("CHAN_START", 0.05, LEG)
    assert read_calls(cel.directory) == []


def test_sound_before_the_answer_is_early_media(cel: Cel) -> None:
    cel.calling()
    cel.recording(silent_ms=600, sound_ms=3000)
    cel.row("ANSWER", 2, LEG)
    call = cel.call()
    assert call.recorded_from_ms == T0 * 1000 + 10
    assert call.early_media_at_ms == call.recorded_from_ms + 600


@pytest.mark.parametrize("silent_ms", [1950, 2500])
def test_sound_that_came_with_the_answer_or_later_is_none(cel: Cel, silent_ms: int) -> None:
    cel.calling()
    cel.recording(silent_ms, sound_ms=1000)
    cel.row("ANSWER", 2, LEG)
    assert cel.call().early_media_at_ms is None


def test_the_channel_to_hang_up_is_the_persons(cel: Cel) -> None:
    assert CarrierRecord(cel.directory).person(ID) is None
    cel.calling()
    assert CarrierRecord(cel.directory).person(ID) == PERSON
