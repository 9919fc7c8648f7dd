"""App processes under a service manager's care: one that ends is started again. And the API they serve, as a developer
reaches it: any of them may answer.

Knows processes and addresses; knows no call.
"""

from __future__ import annotations

import itertools
import signal
import struct
import threading
import time
import urllib.error
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.chaos import launch
from tests.ports import claim
from tests.ringbridge import Answer, Ringbridge

KEY = "chaos-key-of-tests-0123456789"
START_AGAIN_S = 0.3
LEAVES_WITHIN_S = 20.0


class Clock:
    """The wall clock of one process, as far as it differs from the machine's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.step(0)

    def step(self, ahead_ms: int) -> None:
        if not self.file.exists():
            self.file.write_bytes(struct.pack("q", ahead_ms))
            return
        with self.file.open("r+b") as cell:  # in place: the process looks at these very bytes
            cell.write(launch.STEP.pack(ahead_ms))


class App(Ringbridge):
    """One app process, always at the same address."""

    def __init__(self, state_dir: Path, **settings: str) -> None:
        super().__init__(state_dir, **settings, HTTP_PORT=str(claim()[0]), API_KEY=KEY)
        self.clock = Clock(state_dir / f"clock-{self.settings['HTTP_PORT']}")
        self.program = (launch.__file__, str(self.clock.file))
        self.patience_s = 5.0
        self.api, self.key = f"http://127.0.0.1:{self.settings['HTTP_PORT']}", KEY
        self.deaths_of_its_own: list[str] = []
        self._wanted = False
        self._turn = threading.RLock()

    def up(self) -> None:
        """From now on it runs, whatever ends it."""
        with self._turn:
            self._wanted = True
            if not self.is_running:
                self.launch()

    def down(self, how: signal.Signals) -> None:
        """Ended, and not started again until `up`."""
        with self._turn:
            self._wanted = False
            self.signal(signal.SIGCONT)  # or one that is stopped would not hear a SIGTERM; service managers do so too
            if self.process is not None:
                self._end(how, LEAVES_WITHIN_S)

    def signal(self, number: signal.Signals) -> None:
        with self._turn:
            if self.process is not None:
                self.process.send_signal(number)

    def tend(self) -> None:
        """Start it again if it ended by itself."""
        with self._turn:
            if self._wanted and self.process is not None and not self.is_running:
                self.deaths_of_its_own.append(f"{self.process.returncode}: {self.tail(3)}")
                time.sleep(START_AGAIN_S)
                self.launch()

    def said(self, method: str, path: str, body: Any = None, key: str | None = None, bearer: str = "") -> Answer | None:
        """None: no answer. It may have been done all the same. `bearer`: an API key that is not the admin's."""
        headers = {"Idempotency_Key": key} if key else {}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            return self.ask(method, path, body, **headers)
        except (urllib.error.URLError, HTTPException, OSError):
            return None


class Manager:
    """Tends the apps in a thread of its own, as a service manager would."""

    def __init__(self, apps: Sequence[App]) -> None:
        self._apps = apps
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.1):
            for app in self._apps:
                app.tend()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        for app in self._apps:
            app.signal(signal.SIGCONT)
            app.down(signal.SIGKILL)


class Api:
    """All apps as one service: who gets no answer asks the next one."""

    def __init__(self, apps: Sequence[App]) -> None:
        self.apps = apps
        self._turns = itertools.count()

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None, bearer: str = "") -> Answer | None:
        app = self.apps[next(self._turns) % len(self.apps)]
        return app.said(method, path, body, key, bearer)

    def is_ready(self) -> bool:
        return all((said := app.said("GET", "/readyz")) is not None and said.status == 200 for app in self.apps)
