"""A carrier's phone played by sipp, so that the witness is not always an Asterisk. Ends by itself: after its calls,
or after its time."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.pbx.sipp.g711 import tone
from tests.ports import claim
from tests.support import until_sync

LOOPBACK = "127.0.0.1"
HERE = Path(__file__).parent
SOUND = range(9_000, 9_800)
"""Ports for what is heard; sipp takes the first that is free."""


class SippPhone:
    """`with SippPhone(22) as phone:` answers INVITEs at 127.0.0.1:`phone.port` as the carrier's phone 22 does.

    Scenarios: phone_22, 27, 30, 33 and 34. `command` is how sipp is called (Tools.sipp); sipp on PATH without it."""

    def __init__(
        self, digits: int, *, calls: int = 1, within_s: int = 60, command: Sequence[str] | None = None
    ) -> None:
        self._scenario = HERE / f"phone_{digits}.xml"
        self._calls, self._within_s = calls, within_s
        self._command = tuple(command or (shutil.which("sipp") or "sipp",))
        self._dir = tempfile.TemporaryDirectory(prefix="sipp-")
        self._errors = ""
        self.port = claim()[0]

    def __enter__(self) -> Self:
        home = Path(self._dir.name)
        shutil.copy(self._scenario, home)
        (home / "tone_1400.alaw").write_bytes(b"".join(map(tone(1400), range(50))))
        self._process = subprocess.Popen(
            [*self._command, "-sf", self._scenario.name, "-i", LOOPBACK, "-bind_local", "-p", str(self.port),
             "-mi", LOOPBACK, "-min_rtp_port", str(SOUND.start), "-max_rtp_port", str(SOUND.stop - 2),
             "-m", str(self._calls), "-timeout", f"{self._within_s}s", "-timeout_error", "-nostdin",
             "-trace_err", "-error_file", "errors.log"],
            cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=(home / "stderr").open("wb"),
            env=os.environ | {"TERM": "dumb"},
        )  # fmt: skip
        until_sync(lambda: _is_bound(self.port) or self._process.poll() is not None, within_s=10)
        if self._process.poll() is not None:
            self.__exit__(None, None, None)
            raise RuntimeError(f"sipp does not start: {self._errors}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)  # it would wait for its calls on SIGTERM
            self._process.wait()
        self._errors = self.errors()
        self._dir.cleanup()

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    @property
    def is_done(self) -> bool:
        """All its calls went as the scenario says."""
        return self._process.poll() == 0

    def errors(self) -> str:
        """What sipp found wrong, also after its end."""
        if self._errors:
            return self._errors
        logs = (Path(self._dir.name) / name for name in ("stderr", "errors.log"))
        return "\n".join(log.read_text("utf-8", "replace") for log in logs if log.exists())


def _is_bound(port: int) -> bool:
    """Asked of the kernel: a probe by binding could take the port from sipp."""
    address = f"0100007F:{port:04X}"
    return any(line.split()[1] == address for line in Path("/proc/net/udp").read_text().splitlines()[1:])
