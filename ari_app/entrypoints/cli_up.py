"""Commands that run the program itself: up, run, demo. Only these start the API, and import what it takes."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer

from ari_app.entrypoints import demo as story
from ari_app.entrypoints.cli_common import ConfigOpt, Failure, JsonOpt, StateOpt, example, out, out_json, say
from ari_app.entrypoints.cli_stack import records_of, state_dir_of
from ari_app.entrypoints.client import ADDRESS, UNAUTHORIZED, ApiRefused, Client, Unreachable, connect
from ari_app.fast_loop import fast_loop

if TYPE_CHECKING:
    from ari_app.config import Loaded, Settings
    from ari_app.stack import Stack, StackInfo

T = TypeVar("T")


class Ready(Protocol):
    """Of ari_app.app: calls can be placed now."""

    @property
    def api(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def stack(self) -> StackInfo | None: ...


class Teller(Protocol):
    """Of ari_app.teller: a process beside this one."""

    def close(self) -> None: ...


class TheApp(Protocol):
    """What is used of ari_app.app, which stands a floor above: it is looked up by name, when it is needed."""

    def stack_of(self, settings: Settings) -> Stack | None: ...

    def begin_telling(self) -> Teller | None: ...

    async def serve(
        self,
        settings: Settings,
        *,
        ready_file: Path | None,
        on_ready: Callable[[Ready], Awaitable[None]] | None,
        beside: Teller | None,
    ) -> int: ...


def the_app() -> TheApp:
    app: Any = importlib.import_module("ari_app.app")
    found: TheApp = app
    return found


def register(app: typer.Typer) -> None:
    app.command("up", epilog=example("up --ready-file ready.json"))(up)
    app.command("run", epilog=example("run"))(run)
    app.command("demo", epilog=example("demo --json"))(demo)


def load(config: str | None, state_dir: Path | None = None, **overrides: object) -> Loaded:
    """The settings; every mistake at once as a Failure, warnings on stderr."""
    from ari_app.config import Mistakes
    from ari_app.config import load as read
    from ari_app.entrypoints.cli_config import shown_warnings, wrong_in_files

    if state_dir is not None:
        overrides["state_dir"] = str(state_dir)
    try:
        loaded = read(config, overrides=overrides)
    except Mistakes as e:
        found = (*e.found, *wrong_in_files(config))
        raise Failure("the configuration has mistakes\n" + "\n".join(f"  {one}" for one in found)) from None
    for warning in shown_warnings(loaded):
        say(f"warning: {warning}")
    return loaded


def up(
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", help='Gets {"api","key"} (0600) when calls can be placed.')
    ] = None,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Run Ringbridge in the foreground. Asterisk and Redis too, unless yours are named in the settings. JSON: its
    address and key, when calls can be placed."""
    if ready_file is not None:
        _must_take_files(ready_file.parent)

    async def on_ready(ready: Ready) -> None:
        out_json({"api": ready.api, "key": ready.key})

    _serve(load(config, state_dir).settings, ready_file, on_ready if as_json else None)


def run(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Start everything, place a demo call, serve until Ctrl-C. JSON: address, key and the demo call, once that has
    ended."""
    _not_twice(state_dir_of(state_dir, config))
    loaded = _settle(load(config, state_dir), config, state_dir)
    write = say if as_json else out

    async def on_ready(ready: Ready) -> None:
        placed: dict[str, Any] | None = None
        try:
            placed = await _beside(lambda: story.tell(Client(ready.api, ready.key), _carrier(ready), write))
        except Failure as e:
            say(f"the demo call failed: {e}")
        if as_json:
            out_json({"api": ready.api, "key": ready.key, "call": placed})
        else:
            out(story.invitation(ready.api, ready.key))

    _serve(loaded.settings, None, on_ready)


def demo(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Place a demo call and tell its story. On what runs, or on what it starts and stops again; the call as JSON on
    the last line."""
    write = say if as_json else out
    home = state_dir_of(state_dir, config)
    client = _running(home)
    if client is not None:
        records = records_of(home)
        return out_json(story.tell(client, records if records.is_dir() else None, write))
    loaded = _settle(load(config, state_dir), config, state_dir)
    placed: list[dict[str, Any]] = []
    failed: list[Failure] = []

    async def on_ready(ready: Ready) -> None:
        try:
            placed.append(await _beside(lambda: story.tell(Client(ready.api, ready.key), _carrier(ready), write)))
        except Failure as e:
            failed.append(e)
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C: drains, and stops the servers that were started here

    _serve(loaded.settings, None, on_ready, wants_code=False)
    if not placed:
        raise failed[0] if failed else Failure("the demo call was not placed: it was stopped before")
    return out_json(placed[0])


def _serve(
    settings: Settings, ready_file: Path | None, on_ready: Callable[[Ready], Awaitable[None]] | None,
    *, wants_code: bool = True,
) -> None:  # fmt: skip
    app = the_app()
    from ari_app.config import Mistakes
    from ari_app.domain.errors import Unavailable
    from ari_app.stack import StackError

    beside = app.begin_telling()  # before there is a loop or a thread
    try:
        with asyncio.Runner(loop_factory=fast_loop()) as runner:
            code = runner.run(app.serve(settings, ready_file=ready_file, on_ready=on_ready, beside=beside))
    except (StackError, Mistakes) as e:
        raise Failure(str(e)) from None
    except Unavailable as e:
        raise Failure(f"Redis does not answer ({e})") from None
    except OSError as e:
        raise Failure(f"{e.filename}: {e.strerror}" if e.filename else str(e)) from None
    finally:
        if beside is not None:
            beside.close()
    if code and wants_code:
        raise typer.Exit(code)


async def _beside(work: Callable[[], T]) -> T:
    """In a thread that nobody waits for when the process ends: an API that is gone must not keep us."""
    answer: Future[T] = Future()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            answer.set_result(work())
        except BaseException as e:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(e)

    threading.Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(answer)


def _must_take_files(directory: Path) -> None:
    """Asked before anything starts: servers that were started for nothing would run on."""
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)):
        raise Failure(f"--ready-file: {directory} is no directory that can be written to")


def _not_twice(state_dir: Path) -> None:
    """One process serves one PBX: a second one would wait for the first to end, and tell a newcomer nothing."""
    try:
        client = None if os.environ.get(ADDRESS) else _running(state_dir)
    except Failure:  # it is about to stop, say: whose turn it is then is for the lease to tell
        return
    if client is not None:
        raise Failure(
            f"Ringbridge runs here already, at {client.api}: use that one (`ringbridge demo`), or end it first"
        )


def _running(state_dir: Path) -> Client | None:
    """A client of what runs and can place a call, or None."""
    try:
        client = connect(state_dir=state_dir)
        client.get("v1", "trunks")  # wants the key: by now the port may be another Ringbridge's
        client.get("readyz")
    except Failure as e:
        is_another_s = isinstance(e, ApiRefused) and e.status == UNAUTHORIZED and not os.environ.get(ADDRESS)
        if isinstance(e, Unreachable) or is_another_s or "no API is known" in str(e):
            return None
        raise
    return client


def _settle(loaded: Loaded, config: str | None, state_dir: Path | None) -> Loaded:
    """For a first try on any machine: a quiet log, and a free port where the usual one is taken."""
    overrides: dict[str, object] = {}
    if "log_level" not in loaded.given:
        overrides["log_level"] = "warning"
    if "http_port" not in loaded.given and _is_taken(loaded.settings.http_host, loaded.settings.http_port):
        overrides["http_port"] = 0
    return load(config, state_dir, **overrides) if overrides else loaded


def _is_taken(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return False
    except OSError:
        return True


def _carrier(ready: Ready) -> Path | None:
    if ready.stack is None or ready.stack.carrier_dir is None:
        return None
    return records_of(ready.stack.carrier_dir.parent)
