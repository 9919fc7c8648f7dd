"""Files with secrets: their owner's alone from their first moment, whatever the umask and what stood there before."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ari_app.entrypoints.cli_config import _write
from ari_app.first_key import write_secret
from ari_app.stack import process
from ari_app.stack.render import write_changed
from ari_app.stack.state import State, StateDir
from tests.support import until_sync


@pytest.fixture(autouse=True)
def _open_to_all() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def write_state(home: Path) -> None:
    folder = StateDir(home)
    folder.create()
    folder.save(State(secrets={"ari_password": "secret"}))


WRITERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "api-key": ("api-key", lambda home: write_secret(home / "api-key", "secret")),
    "stack.json": ("stack.json", write_state),
    "ari.conf": ("ari.conf", lambda home: write_changed(home, {"ari.conf": "password = secret"})),
}


@pytest.mark.parametrize("name", WRITERS)
def test_it_is_private_before_it_has_its_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, write = WRITERS[name]
    home, replace, modes = tmp_path / "state", Path.replace, []

    def seen(path: Path, target: Path) -> Path:
        modes.append(stat.S_IMODE(path.stat().st_mode))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", seen)
    write(home)
    assert modes == [0o600]
    assert stat.S_IMODE((home / file).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_somebody_else_s_file_by_the_name_of_the_draft_gets_no_secret(tmp_path: Path) -> None:
    """In a folder where everybody may write, /tmp, he needs only guess a name."""
    guessed = tmp_path / f"ready.json.{os.getpid()}"
    guessed.touch()
    write_secret(tmp_path / "ready.json", "secret")
    assert guessed.read_text() == ""


def test_a_configuration_for_your_own_asterisk_is_not_for_others_also_where_it_was(tmp_path: Path) -> None:
    (tmp_path / "ari.conf").touch(mode=0o644)
    (tmp_path / "http.conf").touch(mode=0o640)
    _write({"ari.conf": "secret", "http.conf": "secret", "manager.conf": "secret"}, tmp_path)
    assert {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in tmp_path.iterdir()} == {
        "ari.conf": "0o640", "http.conf": "0o640", "manager.conf": "0o600",
    }  # fmt: skip


def test_a_server_is_told_nothing_of_our_settings_and_its_console_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBRIDGE_API_KEY", "secret")
    monkeypatch.setenv("LANG", "C.UTF-8")
    log = tmp_path / "console.log"
    spawned = process.spawn(["/usr/bin/env"], marker="env", cwd=tmp_path, log=log)
    until_sync(lambda: spawned.exit_code == 0, 5, "it has told its environment")
    told = log.read_text()
    assert "LANG=C.UTF-8" in told
    assert "RINGBRIDGE" not in told
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
