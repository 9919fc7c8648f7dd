"""The real stack under faults: every server and every app can be killed, stopped and had again; the links between them
can be bent. Everything that is done to it is written down.

Knows how, and must not know when or why: that is the plan's.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.frames import AriQuestions, Cutter
from tests.acceptance.house import SETTINGS, House
from tests.acceptance.taps import Tap
from tests.chaos.admin import FIRST, Admin, Running, trunks_text
from tests.chaos.apps import Api, App, Manager
from tests.chaos.carriers import OTHERS, Servers, laid_with_carriers
from tests.chaos.full_disk import fill_disk, free_disk
from tests.chaos.link import EventTap, Whole
from tests.chaos.listeners import SETTINGS as TOLD
from tests.chaos.listeners import Listeners
from tests.ground import Ground
from tests.ringbridge import now_ms

BEHIND = {
    **SETTINGS,
    **TOLD,
    "SLICE_S": "30",
    "CALLER_RING_TIMEOUT_S": "14",
    "CALLEE_RING_TIMEOUT_S": "14",
    "PDD_TIMEOUT_S": "10",
    "MAX_DURATION_S": "30",
    "HOLD_RETRY_S": "0.5",
    "CONFERENCE_ALONE_S": "3",
    "CONFERENCE_PERSONAL_MAX": "9",
    "NOTICE_GAP_S": "1",
    "TRUNK_REST_AFTER": "3",
    "TRUNK_REST_S": "2",
    "TRUNK_REST_MAX_S": "8",
}
"""No wait is so short that a fault of a few seconds is taken for it; but a trunk that fails rests soon, not long."""


@dataclass
class Blow:
    """A fault as it was: when it began to strike and had struck, and when the service was whole again (None: not
    yet)."""

    kind: str
    targets: frozenset[str]
    from_ms: int
    until_ms: int | None = None
    story: str = ""
    struck_ms: int = 0

    def touches(self, from_ms: int, until_ms: int) -> bool:
        return self.from_ms <= until_ms and (self.until_ms is None or from_ms <= self.until_ms)


@dataclass
class Blows:
    """Written by the one thread that strikes, read by all."""

    all: list[Blow] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, kind: str, targets: frozenset[str], story: str) -> Blow:
        with self._lock:
            self.all.append(blow := Blow(kind, targets, at_ms := now_ms(), story=story, struck_ms=at_ms))
        return blow


class ChaosHouse(House):
    def __init__(self, ground: Ground, servers: Servers, apps: int = 1, **settings: str) -> None:
        super().__init__(ground)
        self.servers = servers
        self.blows = Blows()
        self.listeners = Listeners()
        self.trunk_commands: list[Running] = []
        """That go on beside the fault which began them."""
        given = {**BEHIND, **self.new_app().settings, **self._trunk_settings(), **BEHIND, **settings}
        given.pop("HTTP_PORT")
        self.admin = Admin(self.app_dir, {name: one.port for name, one in servers.carriers.items()}, given)
        self.admin.write(FIRST)
        self.apps = [App(self.app_dir, **given) for _ in range(apps)]
        self.api = Api(self.apps)
        self.shop = ""
        """An API key whose word proves no number."""
        self._manager = Manager(self.apps)

    def _make_tap(self, host: str, port: int, cutter: type[Cutter]) -> Tap:
        return (EventTap if cutter is AriQuestions else Tap)(host, port, Whole)

    def _trunk_settings(self) -> dict[str, str]:
        info = self.ground.info
        return {
            "PJSIP_TRUNKS_FILE": str(self.servers.told), "AMI_URL": f"tcp://{info.ami_host}:{info.ami_port}",
            "AMI_USER": info.ami_user, "AMI_PASSWORD": info.ami_secret, "AGI_PORT": str(info.agi_port),
            "AGI_SECRET": info.agi_secret, "SOUNDS_DIR": str(self.app_dir / "sounds"),
        }  # fmt: skip

    def open(self) -> None:
        for app in self.apps:
            app.up()
        self.until(self.api.is_ready, 90, "calls can be placed")
        made = self.api.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call", "read"]})
        assert made is not None, "nothing is broken yet"
        self.shop = str(made.body["secret"])
        self.listeners.start(self.api)

    def close(self) -> None:
        self._manager.close()
        self.listeners.stop()
        super().close()

    # ---- what faults do -----------------------------------------------------------------------------------------

    @property
    def events(self) -> EventTap:
        assert isinstance(self.ari, EventTap)
        return self.ari

    def kill_server(self, part: str) -> None:
        """SIGKILL; it stays away until `mend_servers`."""
        if pid := self.pid_of(part):
            os.kill(pid, signal.SIGKILL)

    def pid_of(self, part: str) -> int | None:
        return next(one.pid for one in self.ground.stack.status() if one.part == part)

    def mend_servers(self) -> None:
        """What is not there is started again, on the ports and the data that it had."""
        self.servers.mend()

    def fill_disk(self) -> None:
        """Redis' log cannot grow by another byte."""
        if (pid := self.pid_of("redis")) is not None:
            fill_disk(pid, self.ground.home / "redis/appendonlydir")

    def free_disk(self) -> None:
        if (pid := self.pid_of("redis")) is not None:
            free_disk(pid)

    def is_whole(self) -> bool:
        """An apply that was killed is taken back by a running app."""
        return self.api.is_ready() and not self.admin.versions.is_applying()

    def deaths(self) -> list[str]:
        """Of apps, that nobody asked for. One that starts while Redis is away may end so."""
        return [death for app in self.apps for death in app.deaths_of_its_own]

    def strange_words(self) -> list[str]:
        """What the apps said that is no line of a log: tracebacks, and the like."""
        lines = (line for app in self.apps for line in app.log.read_text(errors="replace").splitlines())
        return [line for line in lines if not line.startswith("{")]


@contextmanager
def chaos_house(
    home: Path, apps: int = 1, others: Sequence[str] = OTHERS, **settings: str
) -> Iterator[ChaosHouse]:  # fmt: skip
    with laid_with_carriers(home, others, lambda ports: trunks_text(ports, FIRST, 1)) as (ground, servers):
        house = ChaosHouse(ground, servers, apps, **settings)
        try:
            house.open()
            yield house
        finally:
            house.close()


def sleep_until(monotonic_s: float, over: threading.Event) -> bool:
    """Whether the time came before everything was over. A plan's own times: what is waited for is the time itself."""
    return not over.wait(max(0.0, monotonic_s - time.monotonic()))
