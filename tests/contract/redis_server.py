"""A Redis of its own for a test: on its own port of the loopback, on its own disk, killed and started again at will."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Self

import pytest

from ari_app.stack.errors import StackError
from ari_app.stack.plan import StackOptions, find_tools
from tests.ports import claim
from tests.support import until_sync


@cache
def redis_command() -> tuple[str, ...]:
    """Skips at home, and fails on a build server, where there is none."""
    if told := os.environ.get("RINGBRIDGE_TEST_REDIS_SERVER"):
        return (told,)
    try:
        return tuple(find_tools(StackOptions(state_dir=Path(), pbx=False, carrier=False)).redis)
    except StackError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Redis here: {error}")


class RedisServer:
    def __init__(
        self, home: Path, *, appendfsync: str | None = "everysec", port: int | None = None, more: Sequence[str] = ()
    ) -> None:
        """`appendfsync` None: nothing is kept on disk. `more`: arguments of the server."""
        self.home = home
        self.port = port or claim()[0]
        self._keeps = appendfsync
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def cpu_ns(self) -> int:
        """What its main thread has used of a processor."""
        assert self._process is not None
        return int(Path(f"/proc/{self._process.pid}/schedstat").read_text().split()[0])

    def start(self) -> Self:
        self.launch()
        self.wait()
        return self

    def launch(self) -> None:
        keeps = ["--appendonly", "no"] if self._keeps is None else ["--appendonly", "yes", "--appendfsync", self._keeps]
        self._process = subprocess.Popen(
            [*redis_command(), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.home),
             "--save", "", "--logfile", str(self.home / "redis.log"), *keeps, *self._more],
            restore_signals=False,  # a file that may not grow (`fill_disk`) is then an error, not the end
        )  # fmt: skip

    def wait(self) -> None:
        until_sync(self._answers, within_s=10, what="Redis answers")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        """It neither answers nor hangs up, as a machine whose network is gone; `kill` ends it all the same."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def fill_disk(self) -> None:
        """No file of it can grow any more, as on a disk that is full."""
        self._limit_files(0)

    def make_room(self) -> None:
        self._limit_files(resource.RLIM_INFINITY)

    def _limit_files(self, to_bytes: int) -> None:
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (to_bytes, resource.RLIM_INFINITY))

    def ask(self, *words: str) -> bytes:
        """The first line of its answer, over a connection of the test's own."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=2) as to:
            to.sendall(" ".join(words).encode() + b"\r\n")
            return to.makefile("rb").readline()

    def lose_what_is_not_on_disk(self) -> None:
        """After a kill: as if the machine had died too, and nothing had been flushed since the start."""
        for log in self.home.glob("appendonlydir/*.incr.aof"):
            log.write_bytes(b"")

    @property
    def log_bytes(self) -> int:
        """How long the log is that it writes to. (While it is not written anew.)"""
        return self._log.stat().st_size

    def cut_log(self, to_bytes: int) -> None:
        """After a kill: as if the machine had died too, with no more than this on its disk."""
        os.truncate(self._log, to_bytes)

    @property
    def _log(self) -> Path:
        (log,) = self.home.glob("appendonlydir/*.incr.aof")
        return log

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as to:
                to.sendall(b"PING\r\n")
                return to.recv(16).startswith(b"+PONG")
        except OSError:
            return False
