"""The systemd unit and the alert rules, as they are printed for an operator."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ari_app.entrypoints import cli_deploy
from tests.unit.cli.conftest import Run

SETTINGS_FILE = "/etc/ringbridge/ringbridge.toml"


def options(unit: str) -> dict[str, list[str]]:
    """NAME → every value that it is given."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        name, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def unit(run: Run) -> str:
    ran = run("systemd-unit")
    assert ran.code == 0
    return str(ran.out)


def test_the_unit_starts_the_program_and_is_told_when_calls_can_be_placed(unit: str) -> None:
    said = options(unit)
    [start] = said["ExecStart"]
    program, *words = start.split()
    assert Path(program).is_absolute()
    assert Path(program).name == "ringbridge"
    assert words == ["up", "--config", "%d/ringbridge.toml", "--state-dir", "%S/ringbridge"]
    assert (said["Type"], said["Restart"]) == (["notify"], ["on-failure"])
    assert said["TimeoutStartSec"] == ["infinity"], "Asterisk may come later"
    assert int(said["WatchdogSec"][0]) <= 15
    assert int(said["TimeoutStopSec"][0]) >= 10, "answers under way get 5 s"
    assert "{{" not in unit


def test_the_unit_gives_its_secrets_to_the_service_alone(unit: str) -> None:
    said = options(unit)
    assert said["LoadCredential"] == [f"ringbridge.toml:{SETTINGS_FILE}"]
    assert not any("KEY" in value or "PASSWORD" in value for value in said["Environment"])
    assert (said["UMask"], said["StateDirectoryMode"], said["LimitCORE"]) == (["0077"], ["0700"], ["0"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NoNewPrivileges", "yes"), ("CapabilityBoundingSet", ""), ("ProtectSystem", "strict"), ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"), ("MemoryDenyWriteExecute", "yes"), ("RestrictNamespaces", "yes"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"), ("StateDirectory", "ringbridge"),
        ("User", "ringbridge"), ("ProtectKernelTunables", "yes"), ("LockPersonality", "yes"),
    ],
)  # fmt: skip
def test_the_unit_is_hardened(unit: str, name: str, value: str) -> None:
    assert options(unit)[name] == [value]


def test_only_the_system_calls_of_an_ordinary_service_are_allowed(unit: str) -> None:
    assert options(unit)["SystemCallFilter"] == [
        "@system-service", "~@privileged @resources", "getpriority setpriority",
    ]  # fmt: skip


@pytest.mark.parametrize(("where", "protected"), [("/opt/ringbridge", "yes"), ("/home/ops/ringbridge", "read-only")])
def test_a_program_that_lies_in_a_home_is_not_hidden_from_the_service(
    run: Run, monkeypatch: pytest.MonkeyPatch, where: str, protected: str
) -> None:
    monkeypatch.setattr(sys, "executable", f"{where}/bin/python")
    monkeypatch.setattr(cli_deploy, "_program", lambda: Path(where) / "bin/ringbridge")
    assert options(run("systemd-unit").out)["ProtectHome"] == [protected]


def test_paths_are_written_as_systemd_reads_them(run: Run) -> None:
    said = options(run("systemd-unit", "--config", "/srv/100% ours/ringbridge.toml", "--user", "calls").out)
    assert said["LoadCredential"] == ["ringbridge.toml:/srv/100%% ours/ringbridge.toml"]
    assert said["WorkingDirectory"] == ["/srv/100%% ours"]
    assert said["User"] == said["Group"] == ["calls"]


def test_a_program_whose_path_has_a_blank_is_one_word(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_deploy, "_program", lambda: Path("/opt/my programs/ringbridge"))
    [start] = options(run("systemd-unit").out)["ExecStart"]
    assert start.startswith('"/opt/my programs/ringbridge" up ')


@pytest.mark.parametrize(
    ("words", "why"),
    [(["--config", "ringbridge.toml"], "--config"), (["--user", "Robert; DROP"], "--user"),
     (["--config", "/etc/a\nExecStartPre=/bin/sh"], "cannot be told")],
)  # fmt: skip
def test_what_systemd_would_take_otherwise_is_refused(run: Run, words: list[str], why: str) -> None:
    ran = run("systemd-unit", *words)
    assert (ran.code, ran.out) == (1, "")
    assert why in ran.err


def test_systemd_itself_has_nothing_to_say_against_it(unit: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    for told in (unit, unit.replace("WatchdogSec=15", "WatchdogSec=soon")):
        (tmp_path / "ringbridge.service").write_text(told)
        verify = [analyze, "verify", "--man=no", str(tmp_path / "ringbridge.service")]
        said = subprocess.run(verify, capture_output=True, text=True, timeout=60).stderr
        complaints = [line for line in said.splitlines() if "ringbridge.service" in line]
        assert bool(complaints) == (told != unit), said


def test_as_json_both_are_a_file_name_and_its_text(run: Run, unit: str) -> None:
    assert json.loads(run("systemd-unit", "--json").out) == {"ringbridge.service": unit}
    [(name, text)] = json.loads(run("alert-rules", "--json").out).items()
    assert name == "ringbridge.rules.yml"
    assert text == run("alert-rules").out
