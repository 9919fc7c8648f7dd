"""`ringbridge import`: many users or grants of one file. A client of the API; what may be done is checked there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    example,
    new_app,
    out,
    out_json,
    say,
)
from ari_app.entrypoints.client import ApiRefused, Client, Unreachable, connect

NOT_ALL = 3
"""The exit code where the file was refused, or a line could not be done."""
SHOWN_MAX = 50
KINDS = {".csv": "text/csv", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson"}

import_app = new_app("Put many users, or give minutes to many, from a file.")
FileArg = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="FILE.csv, or FILE.jsonl: an object a line.")
]
DryOpt = Annotated[bool, typer.Option("--dry-run", help="Check the file, and do nothing.")]


def register(app: typer.Typer) -> None:
    app.add_typer(import_app, name="import")


@import_app.command("users", epilog=example("import users users.csv --dry-run"))
def users(
    file: FileArg, dry_run: DryOpt = False, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:
    """Make each user as his line says: id, numbers (with blanks between them), name, locale, tenant. All lines are
    checked first; one that is bad, and nothing is done. Exit code 3: the file was refused, or a line not done."""
    _import("users", file, dry_run, secrets.token_hex(16), connect(api, key), as_json)


@import_app.command("grants", epilog=example("import grants bonus.csv --once bonus-2026-12"))
def grants(
    file: FileArg, dry_run: DryOpt = False,
    once: Annotated[str | None, typer.Option(help="Names this import: with it again, no line counts twice.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Give minutes, a line a grant: user, kind (bonus or bought), seconds, expires_at, tenant. All lines are checked
    first; one that is bad, and nothing is done. Broken off, the same file with the same --once goes on. Exit code 3:
    the file was refused, or a line not done."""
    if not once and not dry_run:  # one of our own would be another one each time, and the file count again
        sentence = "--once NAME is needed: with the same name again, the file counts once however often it is sent."
        raise typer.BadParameter(sentence, param_hint="--once")
    _import("grants", file, dry_run, once or "", connect(api, key), as_json)


def _import(what: str, file: Path, dry_run: bool, once: str, client: Client, as_json: bool) -> None:
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise typer.BadParameter(f"{file.name}: a name that ends in {', '.join(KINDS)} is expected", param_hint="FILE")
    try:
        raw = file.read_bytes()
    except OSError as e:
        raise Failure(f"{file} cannot be read: {e.strerror}") from None
    query = {"dry_run": "true"} if dry_run else {}
    try:
        with _bar(f"{'checking' if dry_run else 'importing'} {file.name}"):
            done = client.post_file("v1", "imports", what, data=raw, content_type=kind, once=once, **query)
    except ApiRefused as e:
        if "mistakes" in e.problem:
            _refused(file, e.problem, as_json)
        if e.problem.get("type") == "unconfirmed":
            raise Failure(f"{e}{_again(what, file, once)}") from None
        raise
    except Unreachable as e:
        raise Failure(f"{e}{_again(what, file, once)}") from None
    out_json(done) if as_json else _show(done, file)
    if done["mistakes"]:
        raise typer.Exit(NOT_ALL)


def _again(what: str, file: Path, once: str) -> str:
    same = f" --once {once}" if what == "grants" else ""
    return f"; to go on, each line counting once: ringbridge import {what} {file}{same}"


def _refused(file: Path, problem: dict[str, Any], as_json: bool) -> None:
    if as_json:
        out_json(problem)
    else:
        _lines(file, problem["mistakes"])
        say(f"{problem['bad_lines']} of {problem['lines']} lines cannot be taken; nothing was done")
    raise typer.Exit(NOT_ALL)


def _show(done: dict[str, Any], file: Path) -> None:
    _lines(file, done["mistakes"])
    if done["dry_run"]:
        out(f"{done['lines']} lines, all good; nothing was done (--dry-run)")
    else:
        out(f"{done['done']} of {done['lines']} lines done")


def _lines(file: Path, mistakes: list[dict[str, Any]]) -> None:
    for one in mistakes[:SHOWN_MAX]:
        field = f"{one['field']}: " if one["field"] and not one["detail"].startswith(f"{one['field']}:") else ""
        say(f"{file}:{one['line']}: {field}{one['detail']} ({one['type']})")
    if len(mistakes) > SHOWN_MAX:
        say(f"and {len(mistakes) - SHOWN_MAX} more; --json tells them all")


@contextmanager
def _bar(what: str) -> Iterator[None]:
    """On stderr, where that is a terminal. How far it is only the API knows, which tells it at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        progress.add_task(what, total=None)
        yield
