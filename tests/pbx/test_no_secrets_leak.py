"""No secret in a log, an answer, a process list or a file that others may read: through a call, wrong requests, servers
that are away, wrong settings and a crash. Nor a whole phone number in the log."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from ari_app.stack import Stack, StackOptions
from tests.ground import skipping
from tests.ringbridge import Ringbridge
from tests.secrets_hunt import Hunt
from tests.support import until_sync

KEY = "an-admin+key/of=the&operator%s"
TRUNK_PASSWORD = "trunk;pass=w0rd/of+the^carrier"
CALLER, CALLEE = "+8613911223301", "+8613944556604"
PARTS = ("redis", "carrier", "pbx")
TRUNK = f"""\
[spare]
host = 127.0.0.1
port = 9
username = 8600410000
password = {TRUNK_PASSWORD}
priority = 900
"""


class Scene:
    """An app that started its own servers, with everybody's rights on new files as open as they can be."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.stack = Stack(StackOptions(state_dir=home, say=lambda _: None))
        self.app = Ringbridge(
            home, API_KEY=KEY, LOG_LEVEL="debug", WRONG_KEYS_MAX="0", ARI_RETRY_S="0.05",
            TRUNKS_FILE=str(home / "sip_trunks.conf"),
        )  # fmt: skip
        self.answers: list[tuple[str, bytes]] = []
        self.said: list[tuple[str, bytes]] = []

    def start(self) -> None:
        trunks = self.home / "sip_trunks.conf"
        trunks.write_text(TRUNK)
        trunks.chmod(0o600)
        before = os.umask(0)
        try:
            self.app.start()
        finally:
            os.umask(before)
        self.made = self.app.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["admin"]}).body["secret"]

    def secrets(self) -> dict[str, str]:
        stored = json.loads((self.home / "stack.json").read_text())["secrets"]
        assert len(stored) >= 4
        ours = {"the first key": KEY, "a key that was made": self.made, "a trunk's password": TRUNK_PASSWORD}
        return {**ours, **stored}

    def pid(self, part: str) -> int:
        [found] = [one.pid for one in self.stack.status() if one.part == part]
        assert found is not None
        return found

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> int:
        """As it is written, right or wrong; the whole answer is kept."""
        link = http.client.HTTPConnection(urlsplit(self.app.api).netloc, timeout=15)
        sent = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, body, sent)
        answer = link.getresponse()
        self.answers.append((f"{method} {path[:40]}", str(answer.headers).encode() + answer.read()))
        link.close()
        return answer.status

    def run(self, *words: str, **settings: str) -> str:
        """A command with these settings, which is to fail; what it says."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("RINGBRIDGE_")}
        env |= {f"RINGBRIDGE_{name}": value for name, value in settings.items()}
        command = [sys.executable, "-m", "ari_app.entrypoints.cli", *words]
        ran = subprocess.run(command, env=env, cwd=self.home, capture_output=True, timeout=30)
        assert ran.returncode != 0, ran.stdout
        self.said.append((" ".join([*words, *settings]), ran.stdout + ran.stderr))
        return (ran.stdout + ran.stderr).decode()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    found = Scene(tmp_path / "state")
    with skipping():
        found.stack.prepare()
    found.home.mkdir(mode=0o777)
    try:
        found.start()
        yield found
    finally:
        if found.app.process is not None:
            found.app.kill()
        found.stack.stop()


def test_no_secret_is_told_whatever_goes_wrong(scene: Scene) -> None:
    hunt = Hunt(scene.secrets())
    a_call_is_placed(scene)
    requests_are_wrong(scene)
    hunt.in_process_list()
    for part in PARTS:
        hunt.in_environment(scene.pid(part))
    a_password_is_wrong(scene)
    servers_are_away(scene)
    settings_are_wrong(scene)
    the_app_crashes(scene)

    for where, content in (*scene.answers, *scene.said):
        hunt.look(where, content)
    assert hunt.in_text_files(scene.home, "*.log") >= 5, "of the app and of each server"
    assert hunt.in_files_of_others(scene.home) > 50
    assert hunt.found == []
    assert [str(path) for path in scene.home.rglob("api*") if stat.S_IMODE(path.stat().st_mode) != 0o600] == []
    assert stat.S_IMODE(scene.home.stat().st_mode) == 0o700
    log = scene.app.log.read_text(errors="replace")
    assert "call ended" in log
    assert re.findall(r"1391122330\d|1394455660\d", log) == [], "numbers are masked"


def a_call_is_placed(scene: Scene) -> None:
    app = scene.app
    app.user("li", CALLER)
    call = app.call("li", CALLEE, key="order-7")
    app.until_state(call, "talking")
    app.hang_up(call)
    app.until_ended(call)
    for path in (f"/v1/calls/{call}", f"/v1/calls/{call}/events", "/v1/calls", "/v1/keys", "/v1/users/li/statement",
                 "/metrics", "/openapi.json"):  # fmt: skip
        assert scene.ask("GET", path) == 200
    until_sync(lambda: scene.ask("GET", "/readyz") == 200, 10, "all parts answer in time")


def requests_are_wrong(scene: Scene) -> None:
    """A key in each place where a hurried developer puts it."""
    for secret in (KEY, scene.made):
        at = quote(secret, safe="")
        for path in (f"/v1/calls?key={at}", f"/v1/calls?{at}=1", f"/v1/calls?user={at}", f"/v1/calls/{at}",
                     f"/v1/users/{at}", f"/{at}", f"/v1/users/li/statement?cursor={at}"):  # fmt: skip
            assert scene.ask("GET", path) in (200, 404, 422), path
        for value in ({secret: 1}, {"caller": secret, "callee": "x"}, {"caller": "li", "callee": "+1", "key": secret}):
            assert scene.ask("POST", "/v1/calls", json.dumps(value).encode()) in (400, 404, 422)
        assert scene.ask("POST", "/v1/calls", secret.encode()) == 422
        assert scene.ask("PUT", "/v1/users/x", json.dumps({"numbers": [secret]}).encode()) == 400
        assert scene.ask("POST", "/v1/keys", json.dumps({"name": "x", "scopes": [secret]}).encode()) == 422
        assert scene.ask("GET", "/v1/calls", Authorization=f"Basic {secret}") == 401
        assert scene.ask("GET", "/v1/calls", Authorization=f"Bearer {secret}x") == 401
        assert scene.ask("POST", "/v1/calls", b"{}", Idempotency_Key=f"{secret} {secret}") == 422
        assert scene.ask(secret.replace("/", "").replace("=", ""), "/v1/calls") in (400, 405)


def servers_are_away(scene: Scene) -> None:
    scene.stack.stop(["pbx"])
    until_sync(lambda: scene.ask("GET", "/readyz") == 503, 10, "the PBX is missed")
    assert scene.ask("POST", "/v1/calls", json.dumps({"caller": "li", "callee": CALLEE}).encode()) == 503
    os.kill(scene.pid("redis"), signal.SIGKILL)
    until_sync(lambda: b"redis" in scene.answers[-1][1] if scene.ask("GET", "/readyz") else False, 10, "so is Redis")
    until_sync(lambda: scene.ask("GET", "/v1/users/li/balance") in (503, 401), 10, "nothing can be looked up")
    scene.ask("GET", "/v1/calls", Authorization=f"Bearer {scene.made}x")


def settings_are_wrong(scene: Scene) -> None:
    secret = quote(scene.secrets()["redis_password"])
    file = scene.home / "wrong.toml"
    file.write_text(f'api_key = "{KEY}"\nari_password = "{secret}\nhttp_port = 8080\n')
    file.chmod(0o600)
    trunks = scene.home / "wrong.conf"
    trunks.write_text(f"{TRUNK}password: {TRUNK_PASSWORD}\nusername = a, password = {TRUNK_PASSWORD}\n")
    trunks.chmod(0o600)
    with ThreadPoolExecutor() as beside:  # each of them is busy with starting
        ran = [
            beside.submit(scene.run, "check", "--config", str(file)),
            beside.submit(scene.run, "trunks", "check", str(trunks)),
            beside.submit(scene.run, "up", REDIS_URL=f"redis://:{secret}/{secret}@127.0.0.1/0", API_KEY=KEY),
            beside.submit(scene.run, "calls", API=scene.app.api, API_KEY=scene.made + "x", LOG_LEVEL="debug"),
        ]
    assert "wrong.toml:2" in ran[0].result()
    assert "wrong.conf:7" in ran[1].result()
    assert "redis_url" in ran[2].result()
    assert "no-capacity" in ran[3].result()
    own = {"ARI_URL": "http://127.0.0.1:9", "ARI_PASSWORD": secret, "REDIS_URL": f"redis://:{secret}@127.0.0.1:9/0"}
    starts_in_vain(scene, "redis out of reach", **own)


def a_password_is_wrong(scene: Scene) -> None:
    info = scene.stack.info()
    own = {"ARI_URL": info.ari_url, "ARI_PASSWORD": f"x{info.ari_password}", "REDIS_URL": info.redis_url}
    starts_in_vain(scene, "401", **own)


def starts_in_vain(scene: Scene, until_it_says: str, **settings: str) -> None:
    app = Ringbridge(scene.home, API_KEY=KEY, NODE="another", ARI_APP="another", LOG_LEVEL="debug", **settings)
    app.launch()
    try:
        until_sync(lambda: until_it_says in app.tail(), 25, until_it_says)
    finally:
        app.kill()


def the_app_crashes(scene: Scene) -> None:
    assert scene.app.process is not None
    scene.app.process.send_signal(signal.SIGABRT)
    assert scene.app.process.wait(10) == -signal.SIGABRT
    scene.app.process = None
