"""`ringbridge export`: all calls of a time into a file. A client of the API."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ari_app.entrypoints.cli_common import ApiOpt, Failure, JsonOpt, KeyOpt, example, new_app, out_json, say
from ari_app.entrypoints.client import connect
from ari_app.whole_files import written_whole

export_app = new_app("Take calls out, as a file.")


def register(app: typer.Typer) -> None:
    app.add_typer(export_app, name="export")


@export_app.command("calls", epilog=example("export calls --since 2026-11-01T00:00:00+08:00 --out calls.csv"))
def calls(
    since: Annotated[str | None, typer.Option(help="Calls created since: 2026-11-01T00:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Calls created before; default: now.")] = None,
    format: Annotated[str, typer.Option(help="csv, or jsonl: a call as JSON a line.")] = "csv",
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Whole or not at all; else stdout.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Write all calls of a time, newest first: a row a call. With --json what was written is told on one line."""
    if format not in ("csv", "jsonl"):
        raise typer.BadParameter("expected csv or jsonl.", param_hint="--format")
    if as_json and to is None:
        raise typer.BadParameter("stdout has the calls: name a file with --out.", param_hint="--json")
    if to is not None and os.path.lexists(to) and not (force and to.is_file()):
        raise Failure(f"{to} is there already" + (": --force overwrites it" if to.is_file() else ""))
    pieces = connect(api, key).chunks("v1", "calls", "export", since=since, until=until, format=format)
    if to is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return None
    told = 0 if format == "jsonl" else -1  # the header is no call
    try:
        with _told(to.name) as tell, written_whole(to) as file:
            for piece in pieces:
                tell(file.write(piece))
                told += piece.count(b"\n")  # no cell has one: metadata is JSON
    except OSError as e:
        raise Failure(f"{to} cannot be written: {e.strerror}") from None
    size = to.stat().st_size
    if as_json:
        return out_json({"file": str(to), "calls": told, "bytes": size})
    return say(f"wrote {to}: {told} call{'s' * (told != 1)}, {size} bytes")


@contextmanager
def _told(name: str) -> Iterator[Callable[[int], None]]:
    """How much has come, on stderr where that is a terminal. How much will, nobody knows."""
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done: progress.advance(task, done)
