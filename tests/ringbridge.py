"""`ringbridge up` as a subprocess, and its API as a developer sees it. For tests on the real PBX."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import until_sync

FAST = {
    "HTTP_PORT": "0",
    "LOG_FORMAT": "json",
    "CALLER_RING_TIMEOUT_S": "24",
    "CALLEE_RING_TIMEOUT_S": "24",
    "CONFIRM_TIMEOUT_S": "6",
    "PDD_TIMEOUT_S": "4",
    "MEDIA_TIMEOUT_S": "4",
    "MAX_LIVE_CALLS": "20",
    "MAX_CALLS": "1000",
    "ALIVE_MARK_S": "0.5",
    "PROMPT": "false",
    "SETUP_LAG_MAX_S": "0",
    "UNLIMITED_PREFIXES": "+86139",
    "INBOUND_NUMBERS": "+864009990001=missed,+864009990002=busy",
    "MISSED_RING_S": "3",
    "NOTICE_GAP_S": "2",
    "NOTICE_ROUNDS": "1",
}
"""Every wait is a setting, so that no test waits a real minute. The limits are on, but for the simulated carrier's
prefix: who means to hit them calls other numbers. And no call is refused because the machine of the tests is slow: what
that is about has a folder of its own (overload)."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Ringbridge:
    """One app process on the stack of `state_dir`. Settings are given without their RINGBRIDGE_ prefix."""

    program: tuple[str, ...] = ("-m", "ari_app.entrypoints.cli")
    patience_s = 30.0
    """How long an answer of the API is waited for."""

    def __init__(self, state_dir: Path, **settings: str) -> None:
        self.state_dir = state_dir
        self.settings = {**FAST, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        self.api = ""
        self.key = ""
        self.tasks_at_rest = 0
        self.log = state_dir / f"app-{os.getpid()}-{id(self):x}.log"
        self._ready = state_dir / f"ready-{id(self):x}.json"

    def start(self, within_s: float = 30) -> Ringbridge:
        self.launch()
        return self.until_ready(within_s)

    def launch(self) -> None:
        """The process alone: whether it comes to be ready is another question."""
        self._ready.unlink(missing_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("RINGBRIDGE_") or k == "RINGBRIDGE_CACHE_DIR"}
        env |= {f"RINGBRIDGE_{k}": v for k, v in self.settings.items()}
        env["RINGBRIDGE_STATE_DIR"] = str(self.state_dir)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "up", "--ready-file", str(self._ready)],
                env=env, cwd=self.state_dir, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def until_ready(self, within_s: float = 30) -> Ringbridge:
        ready = self._ready

        def is_ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"`ringbridge up` ended with {self.process.returncode}:\n{self.tail()}")
            return ready.exists() and bool(ready.read_text().strip())

        try:
            until_sync(is_ready, within_s, "the app is ready")
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.tail()}") from e
        said = json.loads(ready.read_text())
        self.api, self.key = said["api"], said["key"]
        self.tasks_at_rest = self.tasks()
        return self

    def tasks(self) -> int:
        """Of its event loop, with the one that tells."""
        lines = str(self.ask("GET", "/metrics").body).splitlines()
        return int(float(next(line.split()[1] for line in lines if line.startswith("ringbridge_tasks "))))

    def tail(self, lines: int = 40) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

    def kill(self) -> None:
        """SIGKILL: the process has no chance to say goodbye."""
        self._end(signal.SIGKILL)

    def terminate(self, within_s: float = 15) -> int:
        return self._end(signal.SIGTERM, within_s)

    def _end(self, how: signal.Signals, within_s: float = 15) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(within_s)
        self.process = None
        return code

    def complaints(self) -> list[str]:
        """Lines of the log that no clean life has: errors, and what is no line of the log at all."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [
            line for line in lines if not line.startswith("{") or json.loads(line)["level"] in ("error", "critical")
        ]

    def live(self) -> int:
        """Calls that live now, by the app's own metrics."""
        return int(self.metric("calls_live"))

    def metric(self, name: str) -> float:
        """By its name without `ringbridge_`, and with its labels."""
        lines = str(self.ask("GET", "/metrics").body).splitlines()
        return float(next(line for line in lines if line.startswith(f"ringbridge_{name} ")).split()[-1])

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    # ---- the API ------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            with urllib.request.urlopen(request, timeout=self.patience_s) as answer:
                return _answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as e:
            return _answer(e.code, e.read(), e.headers)

    def ask_raw(self, method: str, path: str, data: bytes, content_type: str = "audio/wav") -> Answer:
        """With a body that is no JSON."""
        request = urllib.request.Request(self.api + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, timeout=self.patience_s) as answer:
                return _answer(answer.status, answer.read(), answer.headers)
        except urllib.error.HTTPError as e:
            return _answer(e.code, e.read(), e.headers)

    def user(self, user: str, *numbers: str, bonus_s: int = 0) -> str:
        answer = self.ask("PUT", f"/v1/users/{user}", {"numbers": list(numbers)})
        assert answer.status in (200, 201), answer
        if bonus_s:
            self.grant(user, bonus_s)
        return user

    def grant(self, user: str, seconds: int) -> None:
        answer = self.ask("POST", f"/v1/users/{user}/grants", {"kind": "bonus", "seconds": seconds})
        assert answer.status == 201, answer

    def balance(self, user: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/v1/users/{user}/balance")
        assert answer.status == 200, answer
        return dict(answer.body)

    def statement(self, user: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", f"/v1/users/{user}/statement?limit=100").body["lines"])

    def call(self, caller: str, callee: str, *, key: str | None = None, **more: Any) -> str:
        headers = {"Idempotency_Key": key} if key else {}
        answer = self.ask("POST", "/v1/calls", {"caller": caller, "callee": callee, **more}, **headers)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    def show(self, call: str) -> dict[str, Any]:
        answer = self.ask("GET", f"/v1/calls/{call}")
        assert answer.status == 200, answer
        return dict(answer.body)

    def states(self, call: str) -> list[str]:
        return [e["state"] for e in self.ask("GET", f"/v1/calls/{call}/events").body["events"]]

    def until_state(self, call: str, *states: str, within_s: float = 40) -> dict[str, Any]:
        def there() -> dict[str, Any] | None:
            shown = self.show(call)
            return shown if shown["state"] in states else None

        try:
            return until_sync(there, within_s, f"call is {' or '.join(states)}", every_s=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.show(call)}\n{self.tail(15)}") from e

    def until_ended(self, call: str, within_s: float = 60) -> dict[str, Any]:
        return self.until_state(call, "ended", within_s=within_s)

    def hang_up(self, call: str) -> None:
        assert self.ask("DELETE", f"/v1/calls/{call}").status in (200, 202)


def _answer(status: int, data: bytes, headers: Any) -> Answer:
    try:
        body = json.loads(data) if data else None
    except ValueError:
        body = data.decode(errors="replace")
    return Answer(status, body, {k.lower(): v for k, v in headers.items()})


def seconds_between(a: str, b: str) -> float:
    """Between two RFC 3339 times."""
    from datetime import datetime

    return (datetime.fromisoformat(b) - datetime.fromisoformat(a)).total_seconds()


def now_ms() -> int:
    return time.time_ns() // 1_000_000
