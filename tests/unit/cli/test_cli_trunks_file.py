"""`trunks check` and `trunks import`: what they say, and what they write."""

import json
import stat
from pathlib import Path

from tests.unit.cli.conftest import Run

PJSIP = """\
[telco]
type = endpoint
aors = telco
outbound_auth = telco
allow = !all,alaw
send_pai = yes
[telco]
type = aor
contact = sip:sip.example.net
[telco]
type = auth
username = 400
password = hunter2-hunter2
[telco]
type = registration
outbound_auth = telco
server_uri = sip:sip.example.net
#include "more.conf"
"""


def test_the_checks_show_warnings_beside_the_verdict(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text("[t]\nhost = h.example\nsrtp = sdes\n")
    (tmp_path / "ringbridge.toml").write_text('trunks_file = "t.conf"\n')
    ran = run("trunks", "check", "t.conf")
    assert (ran.code, ran.out) == (0, "t.conf is in order\n")
    assert ran.err.startswith("warning: t.conf:3: srtp: ")
    assert "warning: t.conf:3: srtp: " in run("check").err
    said = json.loads(run("trunks", "check", "t.conf", "--json").out)
    assert (said["ok"], said["warnings"][0]["place"]) == (True, "t.conf:3")


def test_a_deck_s_mistakes_are_told_with_its_own_lines(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text(
        "[t]\nhost = h.example\nrates = deck.csv\n[u]\nhost = u.example\nrates = none.csv\n"
    )
    (tmp_path / "deck.csv").write_text("prefix,price\n86,0.06\n852,much\n")
    for command in (("trunks", "check", "t.conf"), ("check", "--config", "r.toml")):
        (tmp_path / "r.toml").write_text('trunks_file = "t.conf"\n')
        told = [line.split(": ")[0] for line in run(*command).out.splitlines()]
        assert sorted(told) == ["deck.csv:3", "t.conf:6"]


def test_the_operator_s_clock_says_when_a_price_begins(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.conf").write_text("[t]\nhost = h.example\nrates = deck.csv\n")
    (tmp_path / "deck.csv").write_text("prefix,price,valid_from\n86,1,2026-12-01\n86,2,2026-12-01T00:00:00+08:00\n")
    assert "given twice for the same time" in run("trunks", "check", "t.conf").out, "Shanghai's midnight"
    (tmp_path / "ringbridge.toml").write_text('timezone = "Europe/Berlin"\n')
    assert run("trunks", "check", "t.conf").code == 0


def test_an_imported_file_passes_the_check_and_keeps_the_password_out(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(PJSIP)
    ran = run("trunks", "import", "pjsip.conf", "--to", "t.conf")
    assert (ran.code, ran.out) == (0, "")
    assert "warning: pjsip.conf:18: #include" in ran.err
    written = (tmp_path / "t.conf").read_text()
    assert "hunter2" not in written + ran.err
    assert "password = env:TELCO_PASSWORD" in written
    assert stat.S_IMODE((tmp_path / "t.conf").stat().st_mode) == 0o600
    checked = run("trunks", "check", "t.conf")
    assert (checked.code, checked.out) == (0, "t.conf is in order\n")
    assert run("trunks", "import", "pjsip.conf", "--to", "t.conf").code == 1, "nothing is written over"
    assert (tmp_path / "t.conf").read_text() == written


def test_an_import_prints_with_passwords_where_that_is_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pjsip.conf").write_text(PJSIP)
    assert "hunter2" not in run("trunks", "import", "pjsip.conf").out
    assert "password = hunter2-hunter2\n" in run("trunks", "import", "pjsip.conf", "--with-passwords").out
    said = json.loads(run("trunks", "import", "pjsip.conf", "--json").out)
    assert (said["trunks"], len(said["warnings"])) == (["telco"], 1)
    (tmp_path / "empty.conf").write_text("[a]\ntype = aor\n")
    assert "no carrier here" in run("trunks", "import", "empty.conf").err
