"""`ringbridge trunks diff | apply | rollback | history`, against an Asterisk that can only be told."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.trunks.told_pbx import ToldPbx

OLD = "[main]\nhost = 127.0.0.1\nusername = us\npassword = {}\n".format("first-password")
NEW = OLD.replace("first", "second") + "price = 0.07\n"


@pytest.fixture
def pbx(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToldPbx]:
    """Which is the one of the settings; sip_trunks.conf is the trunks file."""
    with ToldPbx(tmp_path / "asterisk").answering() as pbx:
        settings = pbx.settings() | {"trunks_file": "sip_trunks.conf", "redis_url": "redis://127.0.0.1:9"}
        lines = [f'{name} = "{value}"' for name, value in settings.items()]
        (tmp_path / "ringbridge.toml").touch(0o600)
        (tmp_path / "ringbridge.toml").write_text("\n".join(lines))
        write(tmp_path, OLD)
        yield pbx


def write(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sip_trunks.conf"
    file.touch(0o600)
    file.write_text(text)


def test_from_an_empty_place_to_a_change_and_back(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    ran = run("trunks", "diff")
    assert (ran.code, "+[main]" in ran.out) == (3, True)
    assert pbx.reloads == 0

    ran = run("trunks", "apply", "--by", "li@desk", "--message", "the first")
    assert ran.code == 0
    assert ran.out.startswith("version 1 is in force, after ")
    assert ran.out.endswith(" ms: +main\n")
    assert "pbx1: verified 4 sections" in ran.err
    assert run("trunks", "diff").out == "nothing differs from version 1\n"
    assert run("trunks", "diff").code == 0

    write(tmp_path, NEW)
    ran = run("trunks", "diff")
    assert ran.code == 3
    assert "-password = ********\n+password = ******** (another)\n" in ran.out
    assert ran.out.endswith("\n[main] price: 0 → 0.07\n")
    assert run("trunks", "apply", "--dry-run").out == ran.out
    assert pbx.value("main", "password", "auth") == "first-password"
    assert run("trunks", "apply").code == 0

    ran = run("trunks", "rollback", "--json")
    said = json.loads(ran.out)
    assert (said["version"], said["applied"], said["changed"]) == (3, True, ["main: password, price"])
    assert pbx.value("main", "password", "auth") == "first-password"

    lines = json.loads(run("trunks", "history", "--json").out)
    assert [(one["version"], one["source"], one["in_force"]) for one in lines] == [
        (3, "rollback to 1", True),
        (2, "sip_trunks.conf", False),
        (1, "sip_trunks.conf", False),
    ]
    assert (lines[2]["by"], lines[2]["message"]) == ("li@desk", "the first")
    assert "@" in lines[0]["by"], "user@host"
    table = run("trunks", "history").out.splitlines()
    assert table[1].split()[0] == "3"
    assert "in force" in table[1]
    assert "the first | +main" in table[3]
    assert run("trunks", "history", "2", "--with-passwords").out == NEW
    hidden = NEW.replace("password = second-password", "; password: --with-passwords prints it")
    assert run("trunks", "history", "2").out == hidden
    assert json.loads(run("trunks", "history", "2", "--json").out) == {"version": 2, "text": hidden}
    assert not any(secret in json.dumps(lines) for secret in ("first-password", "second-password"))


def test_mistakes_are_all_told_and_nothing_is_applied(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    run("trunks", "apply")
    write(tmp_path, "[main]\nhots = x\nport = many\n\n[main]\nhost = h\n")
    for command in ("diff", "apply"):
        ran = run("trunks", command)
        assert (ran.code, ran.out) == (1, "")
        for line in (1, 2, 3, 5):
            assert f"sip_trunks.conf:{line}: " in ran.err
    assert pbx.reloads == 1
    assert json.loads(run("trunks", "history", "--json").out)[0]["version"] == 1


def test_what_asterisk_refuses_is_exit_code_1_with_its_reason(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    run("trunks", "apply")
    write(tmp_path, OLD + "endpoint/dtmf_mode = nonsense\n")
    ran = run("trunks", "apply")
    assert ran.code == 1
    first, *why = ran.out.splitlines()
    assert first.startswith("version 2 was rolled back after ")
    assert first.endswith("; version 1 is in force, as before. Why:")
    assert "endpoint main stayed as it was" in why[0]
    ran = run("trunks", "apply", "--json")
    assert (ran.code, json.loads(ran.out)["failed_version"]) == (1, 3)


def test_what_is_allowed_and_probably_not_meant_is_told_and_applied(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    (tmp_path / "sip_trunks.conf").chmod(0o644)
    ran = run("trunks", "apply")
    assert ran.code == 0
    assert "warning: " in ran.err
    assert "others may read it" in ran.err


def test_a_file_may_be_named(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    (tmp_path / "new.conf").write_text(NEW)
    run("trunks", "apply")
    assert json.loads(run("trunks", "diff", "new.conf", "--json").out)["changes"] == [
        {"trunk": "main", "option": "password", "was": "********", "now": "******** (another)"},
        {"trunk": "main", "option": "price", "was": "0", "now": "0.07"},
    ]
    assert run("trunks", "apply", "new.conf").code == 0
    assert json.loads(run("trunks", "history", "--json").out)[0]["source"] == "new.conf"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rollback"], "no other version was ever in force here"),
        (["rollback", "7"], "there is no version 7: see `ringbridge trunks history`"),
        (["history", "7"], "there is no version 7: see `ringbridge trunks history`"),
        (["apply", "none.conf"], "none.conf: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(run: Run, pbx: ToldPbx, words: list[str], sentence: str) -> None:
    run("trunks", "apply")
    ran = run("trunks", *words)
    assert (ran.code, ran.out) == (1, "")
    assert sentence in ran.err


def test_without_a_trunks_file_it_says_what_to_set(run: Run) -> None:
    ran = run("trunks", "apply", "x.conf")
    assert ran.code == 1
    assert "trunks_file" in ran.err


def test_before_anything_was_applied_the_history_is_empty(run: Run, pbx: ToldPbx) -> None:
    ran = run("trunks", "history")
    assert (ran.code, ran.out) == (0, "")
    assert "nothing was applied here yet" in ran.err
    assert run("trunks", "history", "--json").out == "[]\n"


def test_an_asterisk_that_does_not_answer_is_told(run: Run, pbx: ToldPbx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBRIDGE_ARI_URL", "http://127.0.0.1:1")
    ran = run("trunks", "apply")
    assert ran.code == 1
    assert "pbx1 cannot be told: ARI does not answer" in ran.err


def test_the_history_moves_no_cursor_and_takes_what_is_no_text(
    run: Run, pbx: ToldPbx, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("trunks", "apply", "--by", "\x1b[31mred", "--message", "two\nlines\x1b[2J \udcff").code == 0
    table = run("trunks", "history").out
    assert "?[31mred" in table
    assert "two lines?[2J ? | +main" in table
    assert "\x1b" not in table + run("trunks", "history", "--json").out


def test_what_asterisk_lost_is_told_again(run: Run, pbx: ToldPbx) -> None:
    run("trunks", "apply")
    assert run("trunks", "apply").out == "version 1 is in force: nothing was to be changed\n"
    pbx.objects.clear()
    assert run("trunks", "apply").out.endswith("nothing differs, and Asterisk was told again\n")


def test_a_user_without_a_name_may_apply(run: Run, pbx: ToldPbx, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert run("trunks", "apply").code == 0
    assert json.loads(run("trunks", "history", "--json").out)[0]["by"].startswith("#")


def test_a_file_that_can_be_read_once_is_kept_as_it_was_read(run: Run, pbx: ToldPbx, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text(OLD))
    writer.start()
    assert run("trunks", "apply", str(pipe)).code == 0
    writer.join(5)
    assert run("trunks", "history", "1", "--with-passwords").out == OLD
