"""Commands that put carriers in force: what would change, apply, take back, and what was applied when and by whom.

Knows the CLI's manner only; what it does is in trunk_tools, a floor above: looked up by name, when it is needed.
"""

from __future__ import annotations

import getpass
import importlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ConfigOpt,
    Failure,
    JsonOpt,
    StateOpt,
    example,
    out,
    out_json,
    say,
    table,
)

if TYPE_CHECKING:
    from ari_app.config import Settings

DIFFERENT = 3
"""Exit code: 1 is a fault and 2 a wrong command line, of every command."""
FileArg = Annotated[str | None, typer.Argument(metavar="FILE", help="Default: the setting trunks_file.")]
ByOpt = Annotated[str, typer.Option("--by", help="Who does it, for the history; default: user@host.")]
MessageOpt = Annotated[str, typer.Option("--message", "-m", help="Why, for the history.")]
RoutesOpt = Annotated[
    bool, typer.Option("--routes-only", help="Take up routes, numbers and prices; tell and ask no Asterisk.")
]
KeepOpt = Annotated[
    bool, typer.Option("--keep-unregistered", help="Keep it also where a carrier does not register us.")
]


def register(trunks_app: typer.Typer) -> None:
    trunks_app.command("diff", epilog=example("trunks diff sip_trunks.conf"))(diff)
    trunks_app.command("apply", epilog=example('trunks apply --message "cheaper to Shanghai"'))(apply)
    trunks_app.command("rollback", epilog=example("trunks rollback 3"))(rollback)
    trunks_app.command("history", epilog=example("trunks history"))(history)


def diff(file: FileArg = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Show what an apply would change: what Asterisk would get, and routes and prices in words. Passwords are hidden.
    Exit code 0: nothing; 3: something; 1: the file has mistakes."""
    with _told():
        settings = _settings(config, state_dir)
        found = _differences().difference(settings, _read(settings, file).trunks)
    _show(found, as_json)
    if found.is_any:
        raise typer.Exit(DIFFERENT)


def apply(
    file: FileArg = None, message: MessageOpt = "", by: ByOpt = "", routes_only: RoutesOpt = False,
    keep_unregistered: KeepOpt = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Put a trunks file in force, live: checked, told to Asterisk, verified there; else all is as before, and the exit
    code is 1. No call is touched, and a running Ringbridge goes by it within a second."""
    with _told():
        settings = _settings(config, state_dir)
        read = _read(settings, file)
        if dry_run:
            return _show(_differences().difference(settings, read.trunks), as_json)
        return _apply(
            settings, read.trunks, read.text, file or settings.trunks_file, by, message, as_json,
            routes_only=routes_only, keep_unregistered=keep_unregistered,
        )  # fmt: skip


def rollback(
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", help="Of `trunks history`; default: the one before.")
    ] = None,
    message: MessageOpt = "", by: ByOpt = "", routes_only: RoutesOpt = False, keep_unregistered: KeepOpt = False,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Apply an older version again, as a new one. The trunks file stays as it is: `trunks history VERSION` prints the
    one that is in force then."""
    with _told():
        settings = _settings(config, state_dir)
        versions = _versions(settings)
        to = _applied_before(versions) if version is None else _known(versions.index(), version)
        trunks, text = versions.trunks_of(to), versions.text_of(to)
        _apply(
            settings, trunks, text, f"rollback to {to}", by, message, as_json,
            routes_only=routes_only, keep_unregistered=keep_unregistered,
        )  # fmt: skip


def history(
    version: Annotated[
        int | None, typer.Argument(metavar="VERSION", help="Print the file as it was applied then, instead.")
    ] = None,
    with_passwords: Annotated[
        bool, typer.Option("--with-passwords", help="Print the passwords that stand in that file, too.")
    ] = False,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List what was applied when, by whom, and how it went; the newest first. With VERSION: the file as it was applied,
    to edit it again."""
    with _told():
        versions = _versions(_settings(config, state_dir))
        index = versions.index()
        if version is not None:
            text = versions.text_of(_known(index, version))
            text = text if with_passwords else _without_passwords(text)
            return out_json({"version": version, "text": text}) if as_json else out(text.rstrip("\n"))
    lines = [_line(one, index.in_force) for one in reversed(index.entries)]
    if as_json:
        return out_json(lines)
    if not lines:
        return say("nothing was applied here yet")
    head = ("version", "time", "by", "outcome", "from", "what changed")
    return table(head, [_row(line) for line in lines])


# ---- what they share ------------------------------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[None]:
    """What went wrong, as a sentence."""
    from ari_app.config import Mistakes
    from ari_app.stack import StackError

    try:
        yield
    except (StackError, Mistakes, _applying().NotApplied) as e:
        raise Failure(str(e)) from None
    except OSError as e:
        raise Failure(f"{e.filename}: {e.strerror}" if e.filename else str(e)) from None


def _settings(config: str | None, state_dir: Path | None) -> Settings:
    from ari_app.entrypoints.cli_up import load

    settings = load(config, state_dir).settings
    if not settings.trunks_file:
        raise Failure(
            "the setting trunks_file names no file, so Ringbridge goes by the embedded carrier alone: name yours there "
            "(RINGBRIDGE_TRUNKS_FILE)"
        )
    return settings


def _read(settings: Settings, file: str | None) -> Any:
    from ari_app.trunks_file import read_trunks

    read = read_trunks(file or settings.trunks_file, embedded=settings.is_embedded, timezone=settings.timezone)
    for warning in read.warnings:
        say(f"warning: {warning}")
    return read


def _apply(
    settings: Settings, trunks: Any, text: str, source: str, by: str, message: str, as_json: bool, **more: bool
) -> None:
    from ari_app.config.texts import one_line

    applying = _applying()
    wanted = applying.Wanted(
        trunks=trunks, text=text, source=one_line(source), by=one_line(by) or _me(), message=one_line(message), **more
    )  # fmt: skip
    outcome = applying.apply(settings, wanted, say)
    if as_json:
        out_json(
            {
                "version": outcome.version, "applied": outcome.is_applied, "failed_version": outcome.failed,
                "changed": outcome.changed, "why": outcome.why, "log": outcome.log, "warnings": outcome.warnings,
                "took_ms": outcome.took_ms,
            }
        )  # fmt: skip
    else:
        _tell(outcome)
    if not outcome.is_applied:
        raise typer.Exit(1)


def _tell(outcome: Any) -> None:
    for warning in outcome.warnings:
        say(f"warning: {warning}")
    if not outcome.is_applied:
        still = f"version {outcome.version} is in force" if outcome.version else "nothing is in force"
        out(f"version {outcome.failed} was rolled back after {outcome.took_ms} ms; {still}, as before. Why:")
        for line in outcome.why:
            out(f"  {line}")
        for line in outcome.log:
            out(f"  Asterisk: {line}")
    elif outcome.is_new:
        what = "; ".join(outcome.changed) or "nothing differs, and Asterisk was told again"
        out(f"version {outcome.version} is in force, after {outcome.took_ms} ms: {what}")
    else:
        out(f"version {outcome.version} is in force: nothing was to be changed")


def _show(found: Any, as_json: bool) -> None:
    if as_json:
        return out_json(
            {
                "in_force": found.version, "different": found.is_any, "pjsip": found.pjsip,
                "needs_restart": found.lasting,
                "changes": [
                    {"trunk": one.trunk, "option": one.option, "was": one.was, "now": one.now} for one in found.changes
                ],
            }
        )  # fmt: skip
    if not found.is_any:
        return out(f"nothing differs from version {found.version}")
    for line in found.pjsip:
        out(line)
    if found.pjsip and found.routes:
        out()
    for one in found.routes:
        out(str(one))
    for name in found.lasting:
        say(f"warning: {name} of the embedded Asterisk would change, too; only a start reads it")
    return None


def _me() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        name = f"#{os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def _known(index: Any, version: int) -> int:
    if all(one.version != version for one in index.entries):
        raise Failure(f"there is no version {version}: see `ringbridge trunks history`")
    return version


def _without_passwords(text: str) -> str:
    from ari_app.config.texts import lines_of
    from ari_app.trunk_secrets import is_literal

    def shown(line: str) -> str:
        name, _, value = (part.strip() for part in line.partition("="))
        return "; password: --with-passwords prints it" if name == "password" and is_literal(value) else line

    return "\n".join(map(shown, lines_of(text)))


def _applied_before(versions: Any) -> int:
    index = versions.index()
    applied = [one.version for one in index.entries if one.outcome == "applied" and one.version != index.in_force]
    if not applied:
        raise Failure("no other version was ever in force here")
    return int(applied[-1])


def _line(one: Any, in_force: int | None) -> dict[str, Any]:
    return {
        "version": one.version, "at": one.at, "by": one.by, "source": one.source, "message": one.message,
        "outcome": one.outcome, "in_force": one.version == in_force, "why": one.why, "changed": list(one.changed),
    }  # fmt: skip


def _row(line: dict[str, Any]) -> tuple[str, ...]:
    from ari_app.config.texts import one_line

    outcome = "in force" if line["in_force"] else line["outcome"]
    words = [line["message"], "; ".join(line["changed"]), line["why"]]
    row = (str(line["version"]), line["at"], line["by"], outcome, line["source"], " | ".join(filter(None, words)))
    return tuple(map(one_line, row))


def _versions(settings: Settings) -> Any:
    from ari_app.trunk_versions import Versions

    return Versions(settings.state_dir)


def _applying() -> Any:
    return importlib.import_module("ari_app.trunk_tools.applying")


def _differences() -> Any:
    return importlib.import_module("ari_app.trunk_tools.differences")
