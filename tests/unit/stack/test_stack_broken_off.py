"""A start that is not wanted any more is broken off soon, whatever it waits for, and leaves nothing running."""

import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app.stack import BrokenOff, Stack, StackOptions, fetch, servers
from ari_app.stack.state import file_lock
from tests.contract.redis_server import redis_command

SOON_S = 15  # where it would wait for a quarter of an hour, half a minute, for ever


def children() -> set[str]:
    """Names of this process's living children."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids}


def after(condition: Callable[[], bool]) -> Callable[[], None]:
    def check() -> None:
        if condition():
            raise BrokenOff("not wanted any more")

    return check


def test_waiting_for_another_one_s_lock(tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        file_lock(tmp_path / "lock"),
        pytest.raises(BrokenOff),
        file_lock(tmp_path / "lock", check=after(lambda: True)),
    ):
        pass
    assert time.monotonic() - began < SOON_S


@pytest.mark.skipif(not shutil.which("apt-get"), reason="needs Debian's apt")
def test_fetching_from_a_mirror_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_mirror:
        silent_mirror.settimeout(0)
        asked: list[socket.socket] = []

        def is_asked() -> bool:
            try:
                asked.append(silent_mirror.accept()[0])
            except BlockingIOError:
                return False
            return True

        url = f"http://127.0.0.1:{silent_mirror.getsockname()[1]}/debian"
        began = time.monotonic()
        with pytest.raises(BrokenOff):
            fetch.fetched_prefix(tmp_path / "cache", lambda _: None, mirror=url, check=after(is_asked))
        assert time.monotonic() - began < SOON_S
        assert len(asked) == 1
        assert "apt-get" not in children()
        asked[0].close()


def test_servers_that_do_not_answer_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    redis_command()
    monkeypatch.setattr(servers.Redis, "ready", lambda _self: False)
    seen: list[str] = []

    def wanted() -> bool:
        seen.append(Stack(StackOptions(state_dir=tmp_path / "state")).status()[0].state)
        return "running" not in seen

    stack = Stack(StackOptions(state_dir=tmp_path / "state", pbx=False, carrier=False, wanted=wanted))
    began = time.monotonic()
    with pytest.raises(BrokenOff):
        stack.start()
    assert seen[-1] == "running"
    assert time.monotonic() - began < SOON_S
    assert {part.state for part in stack.status()} == {"stopped"}
