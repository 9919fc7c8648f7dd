"""The process as its supervisor sees it: told to stop while it still waits for something, and dying of a fault."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.plans_file import shipped
from ari_app.ports.leases import Lease
from ari_app.stack import Stack, StackOptions
from ari_app.stack.state import file_lock
from tests.contract.redis_server import RedisServer
from tests.support import until_sync

SOON_S = 5
NOWHERE = {"ARI_URL": "http://127.0.0.1:9/ari", "ARI_PASSWORD": "none", "HTTP_PORT": "0"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.kill()


class Up:
    """`ringbridge up` as a subprocess."""

    def __init__(self, home: Path, *python: str, **settings: str) -> None:
        env = {k: v for k, v in os.environ.items() if not k.startswith("RINGBRIDGE_") or k == "RINGBRIDGE_CACHE_DIR"}
        env |= {f"RINGBRIDGE_{k}": v for k, v in settings.items()} | {"RINGBRIDGE_STATE_DIR": str(home / "state")}
        self._log = home / "log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(python or ("-m", "ari_app.entrypoints.cli", "up"))],
                env=env, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._log.read_text()

    def until_it_says(self, words: str) -> None:
        until_sync(lambda: words in self.said or self.process.poll() is not None, 20, words)
        assert words in self.said, self.said


def stopped_clean(up: Up, how: signal.Signals) -> None:
    up.process.send_signal(how)
    assert up.process.wait(SOON_S) == 0, up.said
    assert "stopped before it was ready" in up.said
    assert "Traceback" not in up.said


async def test_it_can_be_stopped_while_it_waits_for_the_lease(redis: RedisServer, tmp_path: Path) -> None:
    link = Link(redis.url)
    await link.start()
    lease = await RedisLeases(link).acquire("pbx1", "somebody/elsewhere", 60_000)
    assert isinstance(lease, Lease)
    up = Up(tmp_path, REDIS_URL=redis.url, **NOWHERE)
    try:
        up.until_it_says("another process owns this PBX")
        stopped_clean(up, signal.SIGTERM)
        assert isinstance(await RedisLeases(link).renew(lease, 60_000), Lease)
    finally:
        up.process.kill()
        await RedisLeases(link).release(lease)
        await link.close()


def test_it_can_be_stopped_while_the_embedded_servers_start(redis: RedisServer, tmp_path: Path) -> None:
    with file_lock(tmp_path / "state/stack.lock"):
        up = Up(tmp_path, HTTP_PORT="0")
        try:
            up.until_it_says("another ringbridge starts or stops here")
            stopped_clean(up, signal.SIGINT)
        finally:
            up.process.kill()


def test_it_can_be_stopped_while_the_pbx_is_not_in_sight(redis: RedisServer, tmp_path: Path) -> None:
    up = Up(tmp_path, REDIS_URL=redis.url, **NOWHERE)
    try:
        up.until_it_says("ari link down")
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(SOON_S) == 0, up.said
    finally:
        up.process.kill()


WITH_A_BUG = """
from ari_app.engine.engine import Engine
from ari_app.entrypoints.cli import main

async def fault(engine):
    raise KeyError("a bug")

Engine.run = fault
main(["up"])
"""


def test_a_fault_of_a_side_task_is_one_line_and_exit_code_1(redis: RedisServer, tmp_path: Path) -> None:
    up = Up(tmp_path, "-c", WITH_A_BUG, REDIS_URL=redis.url, LOG_FORMAT="json", **NOWHERE)

    assert up.process.wait(20) == 1
    lines = [json.loads(line) for line in up.said.splitlines()]
    [told] = [line for line in lines if line["level"] == "error"]
    assert (told["event"], told["why"]) == ("stopped by a fault", "the engine stopped by a fault: KeyError: 'a bug'")
    assert not any("exception" in line for line in lines)


def redis_of(home: Path) -> Stack:
    """The one embedded server that is needed beside somebody's own Asterisk."""
    return Stack(StackOptions(state_dir=home / "state", pbx=False, carrier=False, say=lambda _: None))


def is_running(stack: Stack) -> bool:
    return {part.part: part.state for part in stack.status()}["redis"] == "running"


def test_servers_that_a_start_began_are_stopped_where_it_never_became_ready(redis: RedisServer, tmp_path: Path) -> None:
    stack = redis_of(tmp_path)
    try:
        up = Up(tmp_path, "-c", WITH_A_BUG, LOG_FORMAT="json", **NOWHERE)
        assert up.process.wait(30) == 1
        assert "calls taken up" in up.said, "it came as far as to have servers"
        [loaded] = [json.loads(line) for line in up.said.splitlines() if "plans loaded" in line]
        assert (loaded["file"], loaded["version"]) == ("shipped", shipped().version)
        assert not is_running(stack)

        stack.start()
        assert Up(tmp_path, "-c", WITH_A_BUG, LOG_FORMAT="json", **NOWHERE).process.wait(30) == 1
        assert is_running(stack), "it ran before, and is not this start's to stop"
    finally:
        stack.stop()


def test_servers_are_stopped_by_sigterm_before_they_were_ever_of_use(redis: RedisServer, tmp_path: Path) -> None:
    stack = redis_of(tmp_path)
    up = Up(tmp_path, **NOWHERE)
    try:
        up.until_it_says("ari link down")
        assert is_running(stack)
        up.process.send_signal(signal.SIGTERM)
        assert up.process.wait(15) == 0, up.said
        assert not is_running(stack)
    finally:
        up.process.kill()
        stack.stop()


def test_a_state_directory_that_cannot_be_written_is_a_sentence(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    up = Up(tmp_path, REDIS_URL=redis.url, **NOWHERE)
    assert up.process.wait(20) == 1
    assert "Traceback" not in up.said
    [told] = [line for line in up.said.splitlines() if line.startswith("ringbridge: ")]
    assert str(tmp_path / "state") in told
