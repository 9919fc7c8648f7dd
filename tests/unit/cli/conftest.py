"""An API over memory that listens on loopback, and the command line run in this process against it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from ari_app.entrypoints import cli
from ari_app.entrypoints.http.front import Front
from ari_app.entrypoints.http.listening import listen
from ari_app.entrypoints.http.server import Server
from tests.support import until_sync
from tests.unit.http.http_bench import Bench


@dataclass
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]
COMMAND = get_command(cli.app)
"""Built once: that is most of what a short command does, and it is the same each time."""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `ringbridge <words>` in an empty directory, with nothing in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "app", COMMAND)
    for name in ("RINGBRIDGE_API", "RINGBRIDGE_API_KEY", "RINGBRIDGE_CONFIG", "RINGBRIDGE_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> Ran:
        code = 0
        try:
            cli.main(list(words))
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Ran(code, told.out, told.err)

    return run


@dataclass
class Served:
    bench: Bench
    url: str


@pytest.fixture(scope="session")
def door() -> Iterator[tuple[Front, str]]:
    """One listener for all tests, and where it is; whose API answers there is the test's to say."""
    front = Bench().front
    sock = listen("127.0.0.1", 0)
    server = Server(front, sock)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    thread = threading.Thread(target=lambda: asyncio.run(server.run()), daemon=True)
    thread.start()
    until_sync(lambda: server.is_listening)
    yield front, url
    server.stop()
    thread.join(5)
    assert not thread.is_alive()


@pytest.fixture
def served(run: Run, monkeypatch: pytest.MonkeyPatch, door: tuple[Front, str]) -> Served:
    """The commands of `run` find this API, with the admin key. Whoever asks for a call gets one that the bench made."""
    front, url = door
    bench = Bench()
    asyncio.run(bench.with_keys())
    front.given = bench.front.given
    monkeypatch.setenv("RINGBRIDGE_API", url)
    monkeypatch.setenv("RINGBRIDGE_API_KEY", "rb_root")
    return Served(bench, url)
