"""The reader of the carrier's record, fed with rows as Asterisk writes them."""

import json
import math
from array import array
from pathlib import Path
from urllib.parse import quote

import pytest

from ari_app.stack import tones
from ari_app.stack.carrier import CarrierRecord, RecordError, read_calls
from ari_app.stack.carrier_rows import user_part

T0 = 1_795_424_038
CHANNEL = "PJSIP/platform-00000001"


class Cel:
    """Writes the file that Asterisk would write."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "cel.csv"
        self.directory = directory

    def row(self, event: str, at_s: float, extra: object = "", *, id: str = "1.0", exten: str = "s") -> None:
        with self.file.open("a") as out:
            out.write(self.text(event, at_s, extra, id=id, exten=exten))

    def text(self, event: str, at_s: float, extra: object = "", *, id: str = "1.0", exten: str = "s") -> str:
        values = [event, f"{T0 + at_s:.6f}", id, exten, CHANNEL, json.dumps(extra) if extra else ""]
        return ",".join('"' + value.replace('"', '""') + '"' for value in values) + "\n"

    def invite(self, number: str = "+8613900000001", at_s: float = 0.25, id: str = "1.0", **headers: str) -> None:
        self.row("CHAN_START", at_s, id=id, exten=number)
        headers = {"call_id": "abc@h", "from": "<sip:+8613800000001@h>;tag=1", "pai": ""} | headers
        extra = "&".join(f"{name}={quote(value)}" for name, value in headers.items())
        self.row("INVITE", at_s, {"extra": extra}, id=id, exten=number)

    def end(self, at_s: float, source: str, cause: int = 16, id: str = "1.0") -> None:
        self.row("HANGUP", at_s, {"hangupcause": cause, "hangupsource": source, "dialstatus": ""}, id=id)
        self.row("CHAN_END", at_s, id=id)

    def recording(self, hz: float, seconds: int, id: str = "1.0") -> Path:
        wave = [round(7000 * math.sin(2 * math.pi * hz * n / 8000)) for n in range(seconds * 8000)]
        path = self.directory / f"{id}.sln"
        path.write_bytes(array("h", wave).tobytes())
        return path


@pytest.fixture
def cel(tmp_path: Path) -> Cel:
    return Cel(tmp_path)


def test_without_a_record_there_was_no_call(tmp_path: Path) -> None:
    assert read_calls(tmp_path) == []


def test_a_call_has_its_times_in_ms_and_who_ended_it(cel: Cel) -> None:
    cel.invite(pai='"Li, Lei" <sip:+8613800000002@h>')
    cel.row("RING", 0.5)
    cel.row("ANSWER", 3.5004)
    cel.end(8.1239, CHANNEL)
    [call] = read_calls(cel.directory)
    assert (call.number, call.call_id, call.from_user) == ("+8613900000001", "abc@h", "+8613800000001")
    assert (call.pai, call.pai_user) == ('"Li, Lei" <sip:+8613800000002@h>', "+8613800000002")
    times = [call.invited_at_ms, call.rang_at_ms, call.answered_at_ms, call.ended_at_ms]
    assert times == [T0 * 1000 + ms for ms in (250, 500, 3500, 8123)]
    assert (call.hung_up_by, call.cause, call.talked_ms) == ("platform", 16, 4623)


def test_the_headers_that_say_who_calls_are_kept_as_they_came(cel: Cel) -> None:
    came = {
        "from": '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1',
        "rpid": "<sip:+8613800000002@h>;party=calling;privacy=full;screen=no",
        "privacy": "id",
        "diversion": "<sip:+864001234567@h>;reason=unconditional",
    }
    cel.invite(number="88#008613900000001", **came)
    [call] = read_calls(cel.directory)
    assert call.number == "88#008613900000001"
    assert (call.from_header, call.rpid, call.privacy, call.diversion) == tuple(came.values())
    assert (call.from_user, call.pai) == ("anonymous", None)
    assert came.items() <= (json.loads(call.to_json()) | {"from": call.from_header}).items()


@pytest.mark.parametrize(
    ("source", "by"), [(CHANNEL, "platform"), ("dialplan/builtin", "phone"), ("", None), ("PJSIP/other-1", None)]
)
def test_who_hung_up_is_told_by_the_source_and_never_guessed(cel: Cel, source: str, by: str | None) -> None:
    cel.invite()
    cel.end(1, source)
    assert read_calls(cel.directory)[0].hung_up_by == by


def test_a_call_without_a_bye_has_no_end(cel: Cel) -> None:
    cel.invite()
    cel.row("ANSWER", 1)
    [call] = read_calls(cel.directory)
    assert (call.ended_at_ms, call.hung_up_by, call.cause, call.talked_ms) == (None, None, None, None)


def test_an_end_that_nobody_asked_for_is_an_end_by_nobody(cel: Cel) -> None:
    cel.invite()
    cel.row("CHAN_END", 4)
    [call] = read_calls(cel.directory)
    assert (call.ended_at_ms, call.hung_up_by) == ((T0 + 4) * 1000, None)


def test_keys_come_in_the_order_they_were_pressed(cel: Cel) -> None:
    cel.invite()
    for at_s, digit in ((1, "4"), (2, "0"), (3, "#")):
        cel.row("DTMF", at_s, {"digit": digit, "duration_ms": 100})
    assert read_calls(cel.directory)[0].digits == "40#"


def test_calls_come_in_the_order_of_their_invites_and_do_not_mix(cel: Cel) -> None:
    cel.invite(id="1.0", number="+8613900000001")
    cel.invite(id="1.1", number="+8613900000022", at_s=0.5)
    cel.end(1, "dialplan/builtin", 17, id="1.1")
    first, second = read_calls(cel.directory)
    assert (first.number, first.ended_at_ms) == ("+8613900000001", None)
    assert (second.number, second.cause) == ("+8613900000022", 17)


def test_a_row_that_is_being_written_is_read_when_it_is_whole(cel: Cel) -> None:
    cel.invite()
    record = CarrierRecord(cel.directory)
    whole = cel.text("ANSWER", 1)
    with cel.file.open("a") as out:
        out.write(whole[:30])
    assert record.calls()[0].answered_at_ms is None
    with cel.file.open("a") as out:
        out.write(whole[30:])
    assert record.calls()[0].answered_at_ms == (T0 + 1) * 1000


def test_a_damaged_row_is_an_error_with_its_place(cel: Cel) -> None:
    cel.invite()
    with cel.file.open("a") as out:
        out.write('"ANSWER","1795"\n')
    with pytest.raises(RecordError, match=r"cel\.csv, line 3"):
        read_calls(cel.directory)


def test_a_reader_that_stays_sees_what_is_new(cel: Cel) -> None:
    record = CarrierRecord(cel.directory)
    assert record.calls() == []
    cel.invite()
    assert [call.ended_at_ms for call in record.calls()] == [None]
    cel.end(2, CHANNEL)
    assert [call.hung_up_by for call in record.calls()] == ["platform"]
    assert record.calls() == read_calls(cel.directory)


def test_what_a_phone_heard_is_told_by_the_second(cel: Cel) -> None:
    cel.invite()
    recording = cel.recording(700, 2)
    cel.end(3, CHANNEL)
    [call] = read_calls(cel.directory)
    assert (call.recording, call.recorded_ms) == (str(recording), 2000)
    assert call.heard == ((0, (700,)), (1, (700,)))
    assert read_calls(cel.directory, with_tones=False)[0].heard == ()


def test_a_recording_of_a_call_that_is_over_is_analysed_once(cel: Cel, monkeypatch: pytest.MonkeyPatch) -> None:
    cel.invite()
    cel.recording(700, 2)
    cel.end(3, CHANNEL)
    before = read_calls(cel.directory)
    monkeypatch.setattr(tones, "strongest", lambda _, **__: pytest.fail("analysed again"))
    assert read_calls(cel.directory) == before


def test_a_recording_that_changed_is_analysed_again(cel: Cel) -> None:
    cel.invite()
    cel.recording(700, 2)
    cel.end(3, CHANNEL)
    read_calls(cel.directory)
    cel.recording(500, 1)
    assert read_calls(cel.directory)[0].heard == ((0, (500,)),)


def test_a_live_recording_grows(cel: Cel) -> None:
    record = CarrierRecord(cel.directory)
    cel.invite()
    cel.recording(700, 1)
    assert len(record.calls()[0].heard) == 1
    cel.recording(700, 3)
    assert len(record.calls()[0].heard) == 3


def test_json_is_one_line_with_plain_names(cel: Cel) -> None:
    cel.invite(pai="<sip:+8613800000002@h>")
    cel.recording(700, 1)
    line = read_calls(cel.directory)[0].to_json()
    assert "\n" not in line
    told = json.loads(line)
    assert told["heard"] == [{"second": 0, "hz": [700.0]}]
    assert (told["number"], told["pai_user"], told["ended_at_ms"]) == ("+8613900000001", "+8613800000002", None)
    assert told["cel"] == str(cel.file)


@pytest.mark.parametrize(
    ("header", "user"),
    [
        ("<sip:+8613800000001@127.0.0.1:5060>;tag=1", "+8613800000001"),
        ('"a sip:9@x" <sip:8@x>', "8"),
        ("sip:100@h;user=phone", "100"),
        ("<tel:+8613800000001>", "+8613800000001"),
        ("<sip:anonymous@anonymous.invalid>", "anonymous"),
        ("<sip:127.0.0.1>", None),
        ("", None),
        (None, None),
    ],
)
def test_the_user_part_of_a_header(header: str | None, user: str | None) -> None:
    assert user_part(header) == user
