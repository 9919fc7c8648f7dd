"""The state directory: private, whole after a crash, and usable whatever its name is."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from ari_app.stack.errors import StackError
from ari_app.stack.process import Identity, until
from ari_app.stack.state import SECRETS, State, StateDir, file_lock, new_secrets


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_secrets_are_readable_by_nobody_else(tmp_path: Path) -> None:
    home = StateDir(tmp_path / "state")
    old = os.umask(0)
    try:
        home.create()
        home.save(State({"redis_port": 1}, new_secrets({})))
    finally:
        os.umask(old)
    assert mode(home.path) == 0o700
    assert mode(home.path / "stack.json") == 0o600


def test_a_directory_that_was_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    StateDir(tmp_path / "state").create()
    assert mode(tmp_path / "state") == 0o700


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    home = StateDir(tmp_path)
    state = State({"redis_port": 1}, {"ami_secret": "x"}, {"pbx": Identity(1, 2, "boot", "mark")}, {"redis"})
    home.save(state)
    assert home.load() == state
    assert StateDir(tmp_path / "nothing").load() == State()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"ports": {}, "secrets": {}, "processes": {"a": 1}})])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.json").write_text(text)
    with pytest.raises(StackError, match="damaged"):
        StateDir(tmp_path).load()


def test_secrets_are_kept_and_completed() -> None:
    first = new_secrets({"ami_secret": "kept"})
    assert first["ami_secret"] == "kept"
    assert set(first) == set(SECRETS)
    assert new_secrets(first) == first
    assert len(set(first.values())) == len(SECRETS)
    assert all(len(value) == 32 and value.isalnum() for name, value in first.items() if name != "ami_secret")


@pytest.mark.parametrize("name", ["n" * 90, "two words", "semi;colon", "号码"])
def test_a_name_that_asterisk_cannot_take_is_reached_by_a_link(tmp_path: Path, name: str) -> None:
    home = StateDir(tmp_path / name)
    home.create()
    home.make_link()
    short = home.run_dir("carrier")
    assert len(str(short / "run/asterisk.ctl")) < 108
    assert " " not in str(short)
    assert ";" not in str(short)
    (home.path / "carrier").mkdir()
    assert short.samefile(home.path / "carrier")
    home.drop_link()
    assert not short.parent.parent.exists()


def test_a_link_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    home = StateDir(tmp_path / "two words")
    home.create()
    theirs = home.short_path().parent
    theirs.mkdir()
    theirs.chmod(0o777)
    try:
        with pytest.raises(StackError, match="not a private directory"):
            home.make_link()
    finally:
        theirs.rmdir()


def test_a_state_directory_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StackError, match="RINGBRIDGE_STATE_DIR"):
        StateDir(tmp_path / "state").create()


def test_the_lock_lets_one_in_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []
    told = threading.Event()

    def work(number: int) -> None:
        with file_lock(tmp_path / "lock", waiting=told.set):
            inside.append(number)
            most.append(len(inside))
            if number == 0:
                assert told.wait(5)  # the other one has found the door closed
            inside.remove(number)

    first = threading.Thread(target=work, args=(0,))
    second = threading.Thread(target=work, args=(1,))
    first.start()
    assert until(lambda: bool(most), within_s=5)
    second.start()
    first.join(10)
    second.join(10)
    assert most == [1, 1]


def test_waiting_for_the_lock_has_an_end(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock"), pytest.raises(StackError, match="another ringbridge"):  # noqa: SIM117
        with file_lock(tmp_path / "lock", within_s=0):
            pass
