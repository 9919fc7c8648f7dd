"""A pid alone proves nothing: only the very process that was started is signalled."""

import os
import platform
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.stack import process

SLEEPER = "import time; time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"

EXIT_THREAD = {"x86_64": 60, "aarch64": 93}  # the system call that ends one thread: linux, unistd.h
ADDRESS = "127.0.0.77"  # where no connection of somebody else's takes the port that becomes free
LARGE = """
import socket, sys, time
listening = socket.create_server(("127.0.0.77", 0))
much = bytearray(b"x") * 600_000_000
print(listening.getsockname()[1], flush=True)
time.sleep(60)
"""
LINGERING = f"""
import ctypes, socket, sys, threading, time
listening = socket.create_server(("127.0.0.77", 0))
print(listening.getsockname()[1], flush=True)
threading.Thread(target=time.sleep, args=(60,)).start()
ctypes.CDLL(None).syscall({EXIT_THREAD.get(platform.machine(), 0)}, 0)
"""


def start(tmp_path: Path, code: str, marker: str = "our-marker") -> process.Spawned:
    argv = [sys.executable, "-c", code, marker]
    return process.spawn(argv, marker=marker, cwd=tmp_path, log=tmp_path / "console.log")


@pytest.fixture
def sleeper(tmp_path: Path):  # type: ignore[no-untyped-def]
    spawned = start(tmp_path, SLEEPER)
    command_line = Path(f"/proc/{spawned.child.pid}/cmdline")
    assert process.until(lambda: bool(command_line.read_bytes()), within_s=5)  # none while it is only being started
    yield spawned
    spawned.child.kill()
    spawned.child.wait()


def test_it_is_alive_until_it_is_stopped(sleeper: process.Spawned) -> None:
    assert sleeper.identity
    assert process.is_alive(sleeper.identity)
    assert not process.is_dying(sleeper.identity)
    assert process.stop(sleeper.identity, grace_s=5)
    assert not process.is_alive(sleeper.identity)  # also while it is still a zombie
    assert process.until(lambda: sleeper.exit_code == -signal.SIGTERM, within_s=5)


@pytest.mark.parametrize("change", [{"started_ticks": 1}, {"marker": "another"}, {"boot_id": "another"}])
def test_a_stranger_with_the_same_pid_is_left_alone(sleeper: process.Spawned, change: dict[str, object]) -> None:
    assert sleeper.identity
    stranger = replace(sleeper.identity, **change)  # type: ignore[arg-type]
    assert not process.is_alive(stranger)
    assert process.stop(stranger, grace_s=1)
    assert process.is_alive(sleeper.identity)


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = start(tmp_path, DEAF)
    assert deaf.identity
    assert process.until(lambda: "deaf" in (tmp_path / "console.log").read_text(), within_s=10)
    assert process.stop(deaf.identity, grace_s=0.1)
    assert process.until(lambda: deaf.exit_code == -signal.SIGKILL, within_s=5)


@pytest.mark.skipif(platform.machine() not in EXIT_THREAD, reason="how a single thread ends is not known here")
def test_it_is_alive_while_one_of_its_threads_holds_what_a_successor_needs(tmp_path: Path) -> None:
    """As a killed server is for a moment on a busy machine: its first thread a zombie, its port still taken."""
    lingering = start(tmp_path, LINGERING)
    identity = lingering.identity
    assert identity
    assert process.until(lambda: ") Z " in Path(f"/proc/{identity.pid}/stat").read_text(), within_s=10)
    port = int((tmp_path / "console.log").read_text())
    with pytest.raises(OSError, match="in use"):
        socket.create_server((ADDRESS, port))
    assert process.is_alive(identity)
    assert process.is_dying(identity)
    assert process.stop(identity, grace_s=5)
    assert not process.is_dying(identity)
    socket.create_server((ADDRESS, port)).close()
    assert process.until(lambda: lingering.exit_code == -signal.SIGTERM, within_s=5)


def test_it_is_alive_while_it_gives_back_its_memory_and_holds_its_port(tmp_path: Path) -> None:
    """As a large Redis is, for a tenth of a second and more after a kill."""
    large = start(tmp_path, LARGE)
    identity = large.identity
    assert identity
    assert process.until(lambda: (tmp_path / "console.log").read_text().endswith("\n"), within_s=30)
    port = int((tmp_path / "console.log").read_text())
    large.child.kill()
    while True:
        was_alive = process.is_alive(identity)
        try:
            socket.create_server((ADDRESS, port)).close()
            break
        except OSError:  # it held its port after we had looked
            assert was_alive
    assert process.until(lambda: large.exit_code == -signal.SIGKILL, within_s=5)


def test_it_lives_in_a_session_of_its_own(sleeper: process.Spawned) -> None:
    assert os.getsid(sleeper.child.pid) == sleeper.child.pid != os.getsid(0)


def test_it_is_found_again_by_its_pid_file(sleeper: process.Spawned, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    assert process.from_pid_file(pid_file, "our-marker") is None
    pid_file.write_text(f"{sleeper.child.pid}\n")
    assert process.from_pid_file(pid_file, "our-marker") == sleeper.identity
    assert process.from_pid_file(pid_file, "not its marker") is None
