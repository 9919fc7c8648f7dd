"""What holds for every command: a help with an example, one sentence for an error, and a line in docs/cli.md."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from ari_app.entrypoints import cli_calls, cli_up
from ari_app.entrypoints.cli import app
from tests.unit.cli.conftest import Run, Served

DOCS = Path(__file__).parents[3] / "docs"


def commands(found: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    inner = getattr(found, "commands", None)
    if inner is None:
        yield path
        return
    for name, command in inner.items():
        yield from commands(command, (*path, name))


COMMANDS = sorted(commands(typer.main.get_command(app)))


def test_the_commands_that_were_promised_are_there() -> None:
    promised = {
        "up", "run", "demo", "call", "start", "calls", "show", "cancel", "follow", "click-token", "balance",
        "statement", "grant", "user put", "user get",
        "number verify", "number confirm",
        "conference start", "conference show", "conference add", "conference ring", "conference remove",
        "conference mute", "conference unmute", "conference pin", "conference end",
        "notice send", "notice show", "notice list", "notice remind", "notice cancel",
        "recording start", "recording stop", "recording fetch", "recording delete",
        "check", "config sample", "pbx-config", "systemd-unit", "alert-rules",
        "stack fetch", "stack start", "stack stop", "stack status",
        "stack logs", "stack carrier-calls", "stack dial-in", "stack backup", "stack restore",
        "trunks check", "trunks import",
        "trunks status", "trunks test", "trunks diff", "trunks apply", "trunks rollback",
        "trunks history", "plans check", "plans sample", "plans explain", "correct", "refund",
        "team put", "team get", "team members", "team add", "team remove",
        "nodes", "node drain", "node resume", "node forget",
        "limits show", "limits lift", "key make", "key list", "key revoke", "key rotate",
        "webhooks add", "webhooks list", "webhooks show", "webhooks change", "webhooks remove", "webhooks rotate",
        "webhooks deliveries", "webhooks replay", "webhooks test", "webhooks listen",
        "tenants put", "tenants list", "tenants show", "tenants close",
        "device add", "device list", "device password", "device remove",
        "ledger verify", "ledger archive", "ledger archived", "ledger migrate", "report settlement", "settle",
        "export calls", "import users", "import grants",
    }  # fmt: skip
    assert {" ".join(path) for path in COMMANDS} == promised


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_help_says_what_it_does_and_has_an_example(run: Run, path: tuple[str, ...]) -> None:
    ran = run(*path, "--help")
    assert ran.code == 0
    assert f"Example: ringbridge {' '.join(path)}" in ran.out
    assert "{" not in ran.out.splitlines()[0], "an argument is shown as it is: CALLER"


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_speaks_json(run: Run, path: tuple[str, ...]) -> None:
    assert "--json" in run(*path, "--help").out


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_a_line_in_the_docs(path: tuple[str, ...]) -> None:
    assert f"`ringbridge {' '.join(path)}" in (DOCS / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("words", [["nonsense"], ["call"], ["grant", "demo", "many"], ["calls", "--nonsense"]])
def test_a_wrong_command_line_is_exit_code_2(run: Run, words: list[str]) -> None:
    ran = run(*words)
    assert ran.code == 2
    assert "Usage: ringbridge" in ran.err


def one_sentence(err: str) -> str:
    assert err.startswith("ringbridge: ")
    assert err.count("\n") == 1, err
    return err


def test_without_an_api_there_is_one_sentence_that_says_what_to_do(run: Run) -> None:
    ran = run("balance", "demo")
    assert ran.code == 1
    assert "ringbridge up" in one_sentence(ran.err)


def test_an_api_that_does_not_answer_is_one_sentence(run: Run) -> None:
    ran = run("balance", "demo", "--api", "http://127.0.0.1:1", "--key", "k")
    assert ran.code == 1
    assert "does not answer" in one_sentence(ran.err)


@pytest.mark.parametrize("api", ["nonsense", "http://", "127.0.0.1:8080", "ftp://x", "http://x:port", "http://[::"])
def test_an_address_that_is_none_is_one_sentence(run: Run, api: str) -> None:
    told = one_sentence(run("balance", "demo", "--api", api, "--key", "k").err)
    assert "is not the address of an API" in told


def test_a_refusal_of_the_api_is_its_own_sentence_with_the_stable_type(run: Run, served: Served) -> None:
    ran = run("balance", "nobody")
    assert (ran.code, ran.out) == (1, "")
    assert one_sentence(ran.err) == "ringbridge: There is no user with this id. (unknown-user)\n"
    assert "unauthorized" in one_sentence(run("balance", "demo", "--key", "wrong").err)


def test_a_bug_is_told_as_one_and_shows_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(cli_calls, "connect", broken)
    ran = run("calls")
    assert ran.code == 1
    assert "ZeroDivisionError: by zero" in one_sentence(ran.err)


def test_up_leaves_address_and_key_where_commands_find_them(
    run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGBRIDGE_API")
    monkeypatch.delenv("RINGBRIDGE_API_KEY")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "api.json").write_text(f'{{"api":"{served.url}","key":"rb_root"}}')
    assert run("calls").code == 1
    (tmp_path / "ringbridge.toml").write_text('state_dir = "elsewhere"\nmistake_elsewhere = 1\n')
    assert run("calls").code == 0
    monkeypatch.setenv("RINGBRIDGE_STATE_DIR", "nowhere")
    assert run("calls").code == 1
    monkeypatch.setenv("RINGBRIDGE_STATE_DIR", "elsewhere")
    (tmp_path / "elsewhere" / "api.json").write_text("{")
    assert "is damaged" in one_sentence(run("calls").err)
    (tmp_path / "file").touch()
    monkeypatch.setenv("RINGBRIDGE_STATE_DIR", "file")
    for command in (("calls",), ("stack", "status"), ("stack", "stop")):
        assert "RINGBRIDGE_STATE_DIR" in one_sentence(run(*command).err)


def test_an_address_that_is_another_server_s_by_now_is_told(
    run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RINGBRIDGE_API")
    monkeypatch.delenv("RINGBRIDGE_API_KEY")
    (tmp_path / ".ringbridge").mkdir()
    (tmp_path / ".ringbridge" / "api.json").write_text(f'{{"api":"{served.url}","key":"rb_of_mine"}}')
    assert "another Ringbridge's now" in one_sentence(run("calls").err)


def test_run_where_one_runs_already_says_so_and_starts_nothing(
    run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_up, "the_app", pytest.fail)
    monkeypatch.delenv("RINGBRIDGE_API")
    monkeypatch.delenv("RINGBRIDGE_API_KEY")
    (tmp_path / ".ringbridge").mkdir()
    (tmp_path / ".ringbridge" / "api.json").write_text(f'{{"api":"{served.url}","key":"rb_root"}}')
    assert f"runs here already, at {served.url}" in one_sentence(run("run").err)


@pytest.mark.parametrize("command", ["run", "demo"])
def test_what_another_one_serves_on_our_old_port_is_not_ours(
    command: str, run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Started(Exception):
        pass

    def start() -> None:
        raise Started

    monkeypatch.setattr(cli_up, "the_app", start)
    monkeypatch.delenv("RINGBRIDGE_API")
    monkeypatch.delenv("RINGBRIDGE_API_KEY")
    (tmp_path / ".ringbridge").mkdir()
    (tmp_path / ".ringbridge" / "api.json").write_text(f'{{"api":"{served.url}","key":"rb_of_mine"}}')
    assert "Started" in run(command).err


def test_a_ready_file_that_could_not_be_written_is_told_before_anything_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_up, "the_app", pytest.fail)
    (tmp_path / "file").touch()
    ran = run("up", "--ready-file", str(tmp_path / "file" / "ready.json"))
    assert (ran.code, "--ready-file" in one_sentence(ran.err)) == (1, True)


def test_the_command_is_installed_and_starts_quickly_without_what_only_up_needs() -> None:
    code = (
        "import sys; import ari_app.entrypoints.cli; "
        "print([m for m in ('fastapi', 'uvicorn', 'aiohttp', 'redis', 'rich', 'phonenumbers') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]", done.stderr
    program = Path(sys.executable).with_name("ringbridge")
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=60)
    assert shown.stdout.startswith("ringbridge 0.")
