"""Commands that need no running API: check, config sample, pbx-config, stack, and what the demo heard."""

import json
import math
import re
import stat
from array import array
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import load
from ari_app.entrypoints import demo
from tests.unit.cli.conftest import Run

T0_MS = 1_795_422_792_000


def test_check_reports_every_mistake_at_once_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text('http_port = "many"\nwaitng = "music"\ntrunks_file = "t.conf"\n')
    (tmp_path / "t.conf").write_text("[a]\nhost = 127.0.0.1\nport = 99999\nprio = 1\n")
    ran = run("check")
    assert ran.code == 1
    assert [line.split(": ")[0] for line in ran.out.splitlines()] == [
        "ringbridge.toml:1", "ringbridge.toml:2", "t.conf:3", "t.conf:4",
    ]  # fmt: skip
    assert 'did you mean "waiting"' in ran.out
    as_json = json.loads(run("check", "--json").out)
    assert as_json["ok"] is False
    assert as_json["mistakes"][2]["place"] == "t.conf:3"


def test_check_of_what_is_in_order_says_so(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBRIDGE_HTP_PORT", "1")
    monkeypatch.setenv("RINGBRIDGE_API", "http://127.0.0.1:1")
    ran = run("check")
    assert (ran.code, ran.out) == (0, "the configuration is in order\n")
    assert "HTTP_PORT" in ran.err
    assert "RINGBRIDGE_API:" not in ran.err
    other = tmp_path / "other.toml"
    other.write_text("http_port = -1\n")
    assert run("check", "--config", str(other)).code == 1
    assert "no such file" in run("check", "--config", "nowhere.toml").out


def test_a_trunks_file_is_checked_by_itself(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text("[a]\nhost = 127.0.0.1\nport = 99999\nprio = 1\n")
    ran = run("trunks", "check", "t.conf")
    assert ran.code == 1
    assert [line.split(": ")[0] for line in ran.out.splitlines()] == ["t.conf:3", "t.conf:4"]
    (tmp_path / "t.conf").write_text("[a]\nhost = 127.0.0.1\n")
    assert run("trunks", "check", "t.conf").out == "t.conf is in order\n"
    assert run("trunks", "check", "nowhere.conf").out == "nowhere.conf: cannot be read: No such file or directory\n"
    (tmp_path / "binary.conf").write_bytes(b"\xff\xfe")
    assert run("trunks", "check", "binary.conf").out == "binary.conf:1: cannot be read: it is not text in UTF-8\n"


def test_up_with_a_mistake_in_the_configuration_tells_it_and_starts_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text("http_port = -1\nslice_s = 0\n")
    ran = run("up")
    assert ran.code == 1
    assert "ringbridge.toml:1: http_port" in ran.err
    assert "ringbridge.toml:2: slice_s" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ringbridge.toml"]


def test_the_sample_is_a_settings_file(run: Run, tmp_path: Path) -> None:
    sample = tmp_path / "sample.toml"
    sample.write_text(run("config", "sample").out)
    assert load(str(sample), env={}).given == {}
    assert "#http_port = 8080" in sample.read_text()


def test_pbx_config_is_whole_and_leaves_out_what_is_the_projects_own(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text(
        'ari_url = "http://127.0.0.1:8099"\nari_password = "s3cret"\n'
        'trunks_file = "t.conf"\ncel_file = "/var/cel.csv"\n'
    )
    (tmp_path / "t.conf").write_text("[telco]\nhost = 203.0.113.5\n")
    text = run("pbx-config").out
    assert "{{" not in text
    assert "bindport = 8099" in text
    assert "password = s3cret" in text
    assert "/var/cel.csv" in text
    assert "[ringbridge-call]" in text
    assert "res_stasis_snoop" in text
    assert "contact = sip:203.0.113.5:5060" in text
    assert "baseline" not in text
    assert "load = app_dial" not in text
    assert "benchmark" not in text
    assert run("pbx-config", "--to", "made").code == 0
    made = tmp_path / "made" / "ari.conf"
    assert "s3cret" in made.read_text()
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.parent.iterdir()} == {0o600}


def test_a_password_that_nobody_set_is_made_up_and_not_twice_the_same(run: Run) -> None:
    passwords = [re.findall(r"^password = (\w{32})$", run("pbx-config").out, re.MULTILINE) for _ in range(2)]
    assert len(passwords[0]) == 1
    assert passwords[0] != passwords[1]


def test_the_stack_can_be_looked_at_and_stopped_before_it_was_ever_started(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ringbridge.toml").write_text("a mistake")
    status = run("stack", "status", "--json")
    assert status.code == 0
    assert {part["part"]: part["state"] for part in json.loads(status.out)} == dict.fromkeys(
        ("redis", "carrier", "pbx"), "stopped"
    )
    assert (run("stack", "stop").code, run("stack", "stop", "--json").out) == (0, '{"stopped": []}\n')
    assert run("stack", "logs", "nobody").code == 1
    assert (run("stack", "logs").code, run("stack", "logs").err) == (0, "pbx has written no log here yet\n")
    assert "the parts are" in run("stack", "stop", "nobody").err


class Record:
    """The carrier's record of the demo's two phones."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True)

    def phone(self, id: str, number: str, answer_ms: int, hz: float, from_ms: int, to_ms: int) -> None:
        rows = [("CHAN_START", 0), ("ANSWER", answer_ms), ("HANGUP", to_ms), ("CHAN_END", to_ms)]
        lines = [[event, f"{(T0_MS + at_ms) / 1000:.6f}", id, number, "PJSIP/platform-1", ""] for event, at_ms in rows]
        with (self.directory / "cel.csv").open("a") as out:
            out.writelines(",".join(f'"{value}"' for value in line) + "\n" for line in lines)
        wave = [
            round(7000 * math.sin(2 * math.pi * hz * n / 8000)) if n >= 8 * (from_ms - answer_ms) else 0
            for n in range(8 * (to_ms - answer_ms))
        ]
        (self.directory / f"{id}.sln").write_bytes(array("h", wave).tobytes())


CALL: dict[str, Any] = {"created_at": "2026-11-23T08:33:12.000Z", "talking_at": "2026-11-23T08:33:13.000Z"}


def test_the_story_tells_what_each_phone_really_heard(tmp_path: Path) -> None:
    record = Record(tmp_path / "carrier" / "records")
    record.phone("1.1", demo.CALLER, 500, 500, from_ms=1_100, to_ms=4_000)
    record.phone("1.2", demo.CALLEE, 1_000, 1_000, from_ms=1_100, to_ms=4_000)
    caller, callee = demo.heard(CALL, record.directory)
    assert re.search(r"The caller heard 500 Hz for 2\.[89] s, from 0\.1\d? s after the answer", caller)
    assert callee == "  The callee heard nothing of 350 Hz: the caller's tone."


def test_carrier_calls_as_json_is_one_object_a_line(run: Run, tmp_path: Path) -> None:
    record = Record(tmp_path / ".ringbridge" / "carrier" / "records")
    assert run("stack", "carrier-calls").err == "the carrier has seen no call\n"
    record.phone("1.1", demo.CALLER, 500, 500, from_ms=500, to_ms=3_500)
    record.phone("1.2", demo.CALLEE, 1_000, 350, from_ms=1_000, to_ms=3_000)
    lines = run("stack", "carrier-calls", "--json").out.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [demo.CALLER, demo.CALLEE]
    assert json.loads(lines[0])["heard"][0]["hz"] == [500]
    table = run("stack", "carrier-calls").out
    assert "+0.50 s" in table
    assert "500 500 500" in table


def test_a_phone_cannot_call_where_no_carrier_runs(run: Run) -> None:
    ran = run("stack", "dial-in", "+8613900000005", "+864001234567")
    assert (ran.code, ran.out) == (1, "")
    assert "`ringbridge stack start`" in ran.err


@pytest.mark.parametrize(
    ("number", "hz"), [("+8613900000001", 350), ("+8613900000019", 1250), ("+8613900000022", None)]
)
def test_the_tone_of_a_phone_follows_from_its_number(number: str, hz: int | None) -> None:
    assert demo.tone_hz(number) == hz


@pytest.mark.parametrize("command", [("stack", "start"), ("check",)])
def test_a_trunk_with_the_embedded_carrier_s_name_is_a_mistake_with_its_line(
    command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "ringbridge.toml").write_text('trunks_file = "t.conf"\n')
    (tmp_path / "t.conf").write_text("[carrier]\nhost = 203.0.113.5\n")
    ran = run(*command)
    assert ran.code == 1
    assert "t.conf:1: [carrier]: the embedded carrier has this name" in ran.out + ran.err
    assert "a fault of its own" not in ran.err
    (tmp_path / "ringbridge.toml").write_text('trunks_file = "t.conf"\nari_url = "http://h:1"\nari_password = "x"\n')
    assert run("check").code == 0
