"""Commands about the embedded servers. They know the stack and the carrier's record; they need no running API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ConfigOpt, JsonOpt, StateOpt, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import Failure, told_setting

if TYPE_CHECKING:
    from ari_app.config import Settings
    from ari_app.stack import Stack
    from ari_app.stack.carrier import CarrierCall

stack_app = new_app("Start, stop and watch the embedded servers.")
PartsArg = Annotated[list[str] | None, typer.Argument(metavar="PART", help="redis, pbx or carrier; default: all.")]


def register(app: typer.Typer) -> None:
    app.add_typer(stack_app, name="stack")


@contextmanager
def told() -> Iterator[None]:
    """What the stack, the trunks file or the carrier's record says went wrong, as a sentence."""
    from ari_app.config import Mistakes
    from ari_app.stack import StackError
    from ari_app.stack.carrier import RecordError

    try:
        yield
    except (StackError, RecordError, Mistakes) as e:
        raise Failure(str(e)) from None


def state_dir_of(state_dir: Path | None, config: str | None = None) -> Path:
    return state_dir or Path(told_setting("state_dir", config) or ".ringbridge")


def running(state_dir: Path | None, config: str | None = None) -> Stack:
    """The stack of a state directory, to look at or to stop; works while the configuration has mistakes."""
    from ari_app.stack import Stack, StackOptions

    return Stack(StackOptions(state_dir=state_dir_of(state_dir, config)))


def configured(config: str | None, state_dir: Path | None) -> Stack:
    """The stack as the settings want it, to start it."""
    from ari_app.entrypoints.cli_up import load

    return _stack_of(load(config, state_dir).settings)


def _stack_of(settings: Settings) -> Stack:
    from ari_app.entrypoints.cli_up import the_app

    stack: Stack | None = the_app().stack_of(settings)
    if stack is None:
        raise Failure("nothing is embedded here: ari_url and redis_url name servers of your own")
    return stack


@stack_app.command("fetch", epilog=example("stack fetch"))
def fetch(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Fetch the servers that this machine lacks, once. JSON: where each program is, as the words that run it."""
    with told():
        found = configured(config, state_dir).prepare()
    if as_json:
        out_json({name: str(value) if isinstance(value, Path) else value for name, value in asdict(found).items()})


@stack_app.command("start", epilog=example("stack start"))
def start(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Start what is not running; returns when every part answers."""
    from ari_app.entrypoints.cli_up import load
    from ari_app.trunks_in_force import nothing_applied

    settings = load(config, state_dir).settings
    with told(), nothing_applied(settings):
        stack = _stack_of(settings)
        started = stack.start().started_here
        if not as_json:
            say(f"started {', '.join(started)}" if started else "everything was running")
        _status(stack, as_json)


@stack_app.command("stop", epilog=example("stack stop"))
def stop(
    parts: PartsArg = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False
) -> None:
    """Stop the servers of this state directory, no others."""
    with told():
        stopped = running(state_dir, config).stop(parts or None)
    if as_json:
        return out_json({"stopped": stopped})
    return say(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@stack_app.command("status", epilog=example("stack status"))
def status(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Show each server: its state, process, ports and log."""
    with told():
        _status(running(state_dir, config), as_json)


def _status(stack: Stack, as_json: bool) -> None:
    parts = stack.status()
    if as_json:
        return out_json([_part(part) for part in parts])
    rows = []
    for part in parts:
        ports = " ".join(f"{name.removesuffix('_port')}={port}" for name, port in part.ports.items())
        up = "" if part.uptime_s is None else f"{part.uptime_s} s"
        rows.append((part.part, part.state, str(part.pid or ""), up, ports))
    return table(("part", "state", "pid", "up", "ports"), rows)


def _part(part: Any) -> dict[str, Any]:
    return {
        "part": part.part, "state": part.state, "pid": part.pid, "uptime_s": part.uptime_s, "ports": dict(part.ports),
        "log": str(part.log),
    }  # fmt: skip


@stack_app.command("logs", epilog=example("stack logs pbx --follow"))
def logs(
    part: Annotated[str, typer.Argument(metavar="PART", help="redis, pbx or carrier.")] = "pbx",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with every new line, until Ctrl-C.")] = False,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Print the last lines of a server's log. JSON: one object a line."""
    with told():
        is_empty = True
        for line in running(state_dir, config).logs(part, follow=follow):
            is_empty = False
            if as_json:
                out_json({"part": part, "line": line})
            else:
                out(line)
    if is_empty:
        say(f"{part} has written no log here yet")


@stack_app.command("carrier-calls", epilog=example("stack carrier-calls --json"))
def carrier_calls(config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Print the simulated carrier's record of each call. With what its phones heard; JSON: one line a call."""
    from ari_app.stack.carrier import read_calls

    with told():
        calls = read_calls(records_of(state_dir_of(state_dir, config)), with_tones=True)
    if as_json:
        for call in calls:
            out(call.to_json())
    elif not calls:
        say("the carrier has seen no call")
    else:
        head = ("invited", "number", "shown", "rang", "answered", "ended", "by", "heard (Hz, by second)")
        table(head, (_row(call) for call in calls))


def records_of(state_dir: Path) -> Path:
    """Where the embedded carrier of a state directory keeps its record."""
    return state_dir / "carrier" / "records"


def _row(call: CarrierCall) -> tuple[str, ...]:
    def after(at_ms: int | None) -> str:
        return "" if at_ms is None else f"+{(at_ms - call.invited_at_ms) / 1000:.2f} s"

    invited = datetime.fromtimestamp(call.invited_at_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
    heard = " ".join(f"{hz[0]:g}" if hz else "-" for _, hz in call.heard[:12]) + (" …" if len(call.heard) > 12 else "")
    return (
        invited, call.number, call.from_user or "", after(call.rang_at_ms), after(call.answered_at_ms),
        after(call.ended_at_ms), call.hung_up_by or "", heard,
    )  # fmt: skip
