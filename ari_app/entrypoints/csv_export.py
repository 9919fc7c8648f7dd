"""A user's whole statement as CSV (RFC 4180), oldest line first. The API gives the newest first, page by page: they
wait in a temporary file, so that no length of a statement fills the memory and a broken export leaves nothing half."""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

from ari_app.entrypoints.cli_common import Failure, Progress, say
from ari_app.entrypoints.client import Client
from ari_app.whole_files import written_whole

COLUMNS = ("seq", "op", "at", "what", "seconds", "balance_after_s", "kind", "expires_at", "call", "note")
PAGE = 500


def export(client: Client, user: str, to: Path | None) -> None:
    """To stdout, or into a file. Raises Failure."""
    with tempfile.TemporaryFile() as spool:
        ends = _spooled(client, user, spool)
        pieces = _oldest_first(spool, ends)
        if to is not None:
            _write(pieces, to)
        else:
            for piece in pieces:
                sys.stdout.write(piece.decode())
            sys.stdout.flush()


def _spooled(client: Client, user: str, spool: IO[bytes]) -> list[int]:
    """Where each page of the statement ends in the spool; within a page the oldest line is first."""
    progress, ends = Progress("{n} lines"), [0]
    told, first, cursor = 0, 1, None
    try:
        while cursor is not None or len(ends) == 1:
            page = client.get("v1", "users", user, "statement", limit=PAGE, cursor=cursor)
            lines, cursor = page["lines"], page["cursor"]
            ends.append(ends[-1] + spool.write(_csv(lines)))
            first = lines[-1]["seq"] if lines else first
            progress.tell(told := told + len(lines))
    except OSError as e:
        raise Failure(f"the statement's pages cannot be kept meanwhile: {e.strerror}") from None
    finally:
        progress.clear()
    if first > 1:
        say(f"the statement begins with line {first}: older ones are not kept here any more")
    return ends


def _csv(lines: list[dict[str, Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for line in reversed(lines):
        writer.writerow(line[name] for name in COLUMNS)
    return text.getvalue().encode()


def _oldest_first(spool: IO[bytes], ends: list[int]) -> Iterator[bytes]:
    yield ",".join(COLUMNS).encode() + b"\r\n"
    for begin, end in reversed(list(pairwise(ends))):
        spool.seek(begin)
        yield spool.read(end - begin)


def _write(pieces: Iterator[bytes], to: Path) -> None:
    try:
        if to.exists() and not to.is_file():
            raise Failure(f"{to} is there, and is not a file")
        with written_whole(to) as file:
            for piece in pieces:
                file.write(piece)
    except OSError as e:
        raise Failure(f"{to} cannot be written: {e.strerror}") from None
    say(f"wrote {to}")
