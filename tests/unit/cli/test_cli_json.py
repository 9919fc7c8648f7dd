"""What --json prints where no API is asked: one line on stdout, and nothing besides."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import load
from ari_app.config.options import table
from ari_app.entrypoints import cli_up, demo
from ari_app.entrypoints.client import Failure
from ari_app.stack import Stack, StackOptions
from ari_app.stack.tools import Tools
from tests.unit.cli.conftest import Ran, Run


def one_line(ran: Ran) -> Any:
    assert (ran.code, ran.out.count("\n")) == (0, 1), ran
    return json.loads(ran.out)


def test_the_sample_as_json_has_every_option_with_its_default(run: Run, tmp_path: Path) -> None:
    shown = {option["name"]: option for option in one_line(run("config", "sample", "--json"))}
    assert shown.keys() == table().keys()
    assert (shown["http_port"]["default"], shown["callee_ring_timeout_s"]["unit"]) == (8080, "s")
    assert shown["ari_password"]["secret"] is True
    assert all(option["help"] and option["expected"] and option["section"] for option in shown.values())
    (tmp_path / "all.toml").write_text("".join(f"{name} = {json.dumps(o['default'])}\n" for name, o in shown.items()))
    assert load("all.toml", env={}).settings == load(None, env={}).settings


def test_pbx_config_as_json_is_each_file_s_text(run: Run, tmp_path: Path) -> None:
    made = one_line(run("pbx-config", "--json"))
    assert "[ringbridge-call]" in made["extensions.conf"]
    written = one_line(run("pbx-config", "--json", "--to", "made"))
    assert {path.name: path.read_text() for path in (tmp_path / "made").iterdir()} == written
    assert written.keys() == made.keys()


def test_fetch_as_json_tells_where_the_programs_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    loader = ("/p/ld-linux.so", "/p/asterisk")
    found = Tools(loader, "22.10.1", Path("/p/modules"), Path("/p/data"), ("/usr/bin/redis",), "8.0.2", None, None)
    monkeypatch.setattr(Stack, "prepare", lambda _: found)
    told = one_line(run("stack", "fetch", "--json"))
    assert (told["asterisk"], told["modules_dir"], told["redis_version"]) == ([*loader], "/p/modules", "8.0.2")
    assert told["sipp"] is None
    assert run("stack", "fetch").out == ""


def test_logs_as_json_is_one_object_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['NOTICE[1] a "quoted" word', "second"]
    monkeypatch.setattr(Stack, "logs", lambda _, part, follow: iter(lines))
    told = run("stack", "logs", "carrier", "--json").out.splitlines()
    assert [json.loads(line) for line in told] == [{"part": "carrier", "line": line} for line in lines]


def test_logs_as_json_of_what_has_written_none_is_nothing(run: Run) -> None:
    assert not list(Stack(StackOptions(state_dir=Path(".ringbridge"))).logs("pbx"))
    assert run("stack", "logs", "--json").out == ""


@dataclass
class Ready:
    api: str = "http://127.0.0.1:8080"
    key: str = "rb_secret"
    stack: None = None


class TheApp:
    """Comes to be ready at once, and leaves."""

    def begin_telling(self) -> StringIO:
        return StringIO()  # it can be closed

    async def serve(
        self,
        _settings: object,
        *,
        ready_file: Path | None,
        on_ready: Callable[[Ready], Awaitable[None]] | None,
        beside: object,
    ) -> int:
        if on_ready is not None:
            await on_ready(Ready())
        return 0


@pytest.fixture
def is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli_up, "the_app", TheApp)


@pytest.mark.usefixtures("is_ready")
def test_up_as_json_tells_address_and_key_when_it_is_ready(run: Run) -> None:
    assert one_line(run("up", "--json")) == {"api": Ready.api, "key": Ready.key}
    assert run("up").out == ""


@pytest.mark.usefixtures("is_ready")
def test_run_as_json_tells_address_key_and_the_demo_call(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def tell(_client: object, _records: object, write: demo.Write) -> dict[str, Any]:
        write("A demo call")
        return {"id": "c1", "reason": "completed"}

    monkeypatch.setattr(demo, "tell", tell)
    ran = run("run", "--json")
    assert one_line(ran) == {"api": Ready.api, "key": Ready.key, "call": {"id": "c1", "reason": "completed"}}
    assert "A demo call" in ran.err
    assert "A demo call" in run("run").out


@pytest.mark.usefixtures("is_ready")
def test_run_whose_demo_call_failed_serves_all_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Failure("no trunk")

    monkeypatch.setattr(demo, "tell", fail)
    ran = run("run", "--json")
    assert one_line(ran)["call"] is None
    assert "the demo call failed: no trunk" in ran.err
