"""Whatever stops calls, /readyz says so within 5 s, and which part it is; once it is over, it is ready again. On a real
stack, with the settings that an operator has who sets none: how often each part is looked at is what is tested."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.acceptance.taps import Background
from tests.contract.redis_server import RedisServer
from tests.ground import Ground, laid
from tests.proxy import Proxy
from tests.ringbridge import Ringbridge
from tests.support import until_sync

TOLD_WITHIN_S = 5.0
READY_AGAIN_WITHIN_S = 10.0
PROBE_S = 1.5
"""How long a balancer waits for an answer."""
WATCHDOG_MS = 900


class Manager:
    """In systemd's place: keeps what the app tells of itself."""

    def __init__(self, at: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(at))
        self.heard: list[str] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while said := self._socket.recv(4_096):
            self.heard += said.decode().split("\n")

    def environ(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self._socket.getsockname(), "WATCHDOG_USEC": str(1_000 * WATCHDOG_MS)}


class Place:
    """A stack, a Redis and an app, each of which can be struck alone."""

    def __init__(self, ground: Ground, redis: RedisServer) -> None:
        self.ground, self.redis = ground, redis
        self.manager = Manager(ground.home / "notify")
        self._loop = Background()
        at = urlsplit(ground.info.ari_url)
        self.link = Proxy(str(at.hostname), int(at.port or 0))
        self._loop.run(self.link.accept())
        home = ground.home / "app"
        home.mkdir()
        info = ground.info
        (home / "trunks.conf").write_text(f"[carrier]\nhost = 127.0.0.1\nport = {info.carrier_sip_port}\n")
        self.app = Ringbridge(
            home, **ground.as_ones_own() | {"REDIS_URL": redis.url, "TRUNKS_FILE": str(home / "trunks.conf")},
            AMI_URL=f"tcp://{info.ami_host}:{info.ami_port}", AMI_USER=info.ami_user, AMI_PASSWORD=info.ami_secret,
        )  # fmt: skip
        self.app.settings["ARI_URL"] = at._replace(netloc=f"127.0.0.1:{self.link.port}").geturl()

    def close(self) -> None:
        if self.app.is_running:
            self.app.kill()
        self._loop.run(self.link.__aexit__())
        self._loop.close()

    def do(self, action: Callable[[], object]) -> None:
        """To the link, in its own thread."""
        self._loop.call(action)

    def signal(self, part: str, how: signal.Signals) -> None:
        [pid] = [one.pid for one in self.ground.stack.status() if one.part == part]
        assert pid is not None
        os.kill(pid, how)

    def signal_app(self, how: signal.Signals) -> None:
        assert self.app.process is not None
        self.app.process.send_signal(how)

    def probe(self, path: str = "/readyz") -> tuple[int, dict[str, str]]:
        """The status, and why each part that is not ready is not. 0: no answer."""
        try:
            with urllib.request.urlopen(self.app.api + path, timeout=PROBE_S) as answer:
                return answer.status, {}
        except urllib.error.HTTPError as e:
            body: dict[str, Any] = json.loads(e.read())
            return e.code, {part["name"]: part["why"] for part in body.get("parts", ()) if not part["ok"]}
        except OSError:
            return 0, {}

    def metric(self, sample: str) -> float:
        lines = str(self.app.ask("GET", "/metrics").body).splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(sample + " ")))

    def until_ready(self) -> None:
        until_sync(lambda: self.probe()[0] == 200, READY_AGAIN_WITHIN_S, "ready again", every_s=0.05)

    def until_not_ready(self) -> dict[str, str]:
        struck_at = time.monotonic()
        faults: dict[str, str] = {}

        def is_told() -> bool:
            nonlocal faults
            status, faults = self.probe()
            return status not in (0, 200)  # no answer at all, as of a machine that stood still, tells of no part

        until_sync(is_told, TOLD_WITHIN_S, "not ready", every_s=0.05)
        assert time.monotonic() - struck_at < TOLD_WITHIN_S
        return faults


@dataclass(frozen=True)
class Blow:
    part: str
    why: str
    """In the words of /readyz."""
    strike: Callable[[Place], object]
    heal: Callable[[Place], object]


def rx(command: str) -> Callable[[Place], object]:
    return lambda place: place.ground.rx(command)


def redis(*words: str) -> Callable[[Place], object]:
    return lambda place: place.redis.ask(*words)


def sends(part: str, how: signal.Signals) -> Callable[[Place], object]:
    return lambda place: place.signal(part, how)


BLOWS = {
    "Asterisk killed": Blow(
        "asterisk", "no link", sends("pbx", signal.SIGKILL), lambda place: place.ground.stack.start()
    ),
    "Asterisk stopped": Blow(
        "asterisk", "no answer to a", sends("pbx", signal.SIGSTOP), sends("pbx", signal.SIGCONT)
    ),
    "nothing comes from Asterisk any more": Blow(
        "asterisk", "no answer to a",
        lambda place: place.do(lambda: place.link.stall(up=False)), lambda place: place.do(place.link.resume),
    ),
    "Asterisk without its channel driver": Blow(
        "asterisk", "chan_pjsip.so is not", rx("module unload chan_pjsip.so"), rx("module load chan_pjsip.so")
    ),
    "carrier gone": Blow("trunk", "no trunk", sends("carrier", signal.SIGSTOP), sends("carrier", signal.SIGCONT)),
    "Redis killed": Blow("redis", "Redis", lambda place: place.redis.kill(), lambda place: place.redis.start()),
    "Redis stopped": Blow("redis", "no answer", lambda place: place.redis.freeze(), lambda place: place.redis.thaw()),
    "Redis on a full disk": Blow(
        "redis", "MISCONF", lambda place: place.redis.fill_disk(), lambda place: place.redis.make_room()
    ),
    "Redis read-only": Blow("redis", "READONLY", redis("REPLICAOF", "127.0.0.1", "9"), redis("REPLICAOF", "NO", "ONE")),
    "Redis out of memory": Blow(
        "redis", "OOM", redis("CONFIG", "SET", "maxmemory", "1"), redis("CONFIG", "SET", "maxmemory", "0")
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    with laid(tmp_path_factory.mktemp("place"), redis=False) as ground:
        place = Place(ground, server)
        try:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in place.manager.environ().items():
                    patch.setenv(name, value)
                place.app.start()
            until_sync(lambda: "READY=1" in place.manager.heard, 2, "systemd hears that it is ready")
            yield place
        finally:
            place.close()
            server.kill()


@pytest.mark.parametrize("what", BLOWS)
def test_what_stops_calls_is_told_within_5_s_and_its_end_too(place: Place, what: str) -> None:
    blow = BLOWS[what]
    place.until_ready()
    place.manager.heard.clear()
    blow.strike(place)
    try:
        faults = place.until_not_ready()
        until_sync(lambda: place.probe("/healthz") == (200, {}), 5, "the process itself is well")
        assert place.metric(f'ringbridge_ready{{part="{blow.part}"}}') == 0
    finally:
        blow.heal(place)
    assert faults.keys() == {blow.part}
    assert blow.why in faults[blow.part]
    place.until_ready()
    told = [json.loads(line) for line in place.app.log.read_text().splitlines() if '"not ready"' in line]
    assert told[-1]["part"] == blow.part, "the log tells it, too"
    heard = place.manager.heard
    until_sync(lambda: any(one.startswith(f"STATUS=cannot place calls: {blow.part}: ") for one in heard), 5, "systemd")
    until_sync(lambda: "STATUS=calls can be placed" in heard, 5, "systemd hears its end, too")


def test_a_hung_event_loop_gives_no_answer_and_no_sign_of_life(place: Place) -> None:
    """No process can say of itself that it hangs: the probe's own time-out must, and systemd's watchdog."""
    place.until_ready()
    place.signal_app(signal.SIGSTOP)
    try:
        assert place.probe() == (0, {})
        place.manager.heard.clear()
        assert place.probe("/healthz") == (0, {})
        assert 1_000 * PROBE_S > WATCHDOG_MS
        assert place.manager.heard == []
    finally:
        place.signal_app(signal.SIGCONT)
    place.until_ready()
    until_sync(lambda: "WATCHDOG=1" in place.manager.heard, 2, "a sign of life")


def test_a_lease_that_another_process_has_is_told_within_5_s(place: Place) -> None:
    place.until_ready()
    place.redis.ask("SET", "{n:pbx1}:lease", '"9999 elsewhere/boot/ns1/1/1"', "PX", "60000")
    faults = place.until_not_ready()
    assert "lease" in faults
    place.redis.ask("DEL", "{n:pbx1}:lease")
    place.until_ready()


def test_the_service_manager_hears_that_it_stops(place: Place) -> None:
    place.until_ready()
    assert place.app.terminate() == 0
    until_sync(lambda: "STOPPING=1" in place.manager.heard, 5, "it is told that it stops")
