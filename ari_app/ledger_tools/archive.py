"""Old lines of all statements, moved to a file: written, read back from the disk, and only then taken out of Redis.

A file is gzipped JSON lines: a head, one record a payer and step ({"payer", "old": …}, see domain/ledger_archive.py), a
foot with the number of records and lines and the SHA-256 of all before it. Whatever dies on the way, every line is in
Redis or in a file with a good foot, or in both.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from ari_app.domain.ledger_archive import Old, old_part, without
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import Line
from ari_app.ledger_tools.streams import in_batches, read_all
from ari_app.ports.ledger import Account, Ledger
from ari_app.whole_files import sync_folder

HEAD = "ringbridge statement archive"
VERSION = 1


class ArchiveError(Exception):
    """For a person: the file cannot be written, or is not what was written. Nothing was taken out of Redis."""


class _Record(msgspec.Struct):
    payer: str
    old: Old


class _Head(msgspec.Struct):
    what: str
    version: int
    before_ms: int
    made_at_ms: int


class _Foot(msgspec.Struct):
    records: int
    lines: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Archived:
    """`kept_n`: steps of accounts that changed meanwhile and keep their lines; the next archive takes them. `unsound`:
    payers whose account cannot be read, or breaks a law: nothing of theirs was touched."""

    file: Path | None
    accounts: int
    lines: int
    kept_n: int
    unsound: tuple[str, ...] = ()


async def archive(
    ledger: Ledger, to: Path, before_ms: int, on_progress: Callable[[str, int], None] = lambda _step, _done: None
) -> Archived:
    """Move what is from before that moment into a new file in `to`. Raises ArchiveError, Unavailable."""
    file = to / f"statement-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.jsonl.gz"
    part = file.with_suffix(".part")
    try:
        await asyncio.to_thread(to.mkdir, parents=True, exist_ok=True)
        has_any, unsound = await _write(ledger, part, before_ms, lambda n: on_progress("write", n))
        if not has_any:
            return Archived(None, 0, 0, 0, unsound)
        part.rename(file)
        sync_folder(to)
    except OSError as e:
        raise ArchiveError(f"{to}: {e.strerror or e}; nothing was taken out of Redis") from None
    finally:
        with suppress(OSError):
            part.unlink()
    for _ in records(file):  # all of it, from the disk, before the first line is dropped
        pass
    accounts = kept = moved = 0
    last = None  # the steps of a payer stand together: no set of all payers is needed to count them
    for record in records(file):
        if await ledger.forget(payer=record.payer, old=record.old):
            accounts, moved, last = accounts + (record.payer != last), moved + len(record.old.lines), record.payer
        else:
            kept += 1
        on_progress("drop", 1)
    await ledger.durable()
    return Archived(file, accounts, moved, kept, unsound)


def records(file: Path) -> Iterator[_Record]:
    """One after another. Raises ArchiveError where the file is not whole."""
    digest, count, lines = hashlib.sha256(), 0, 0
    decode = msgspec.json.Decoder(_Record).decode
    try:
        with gzip.open(file, "rb") as raw:
            head = raw.readline()
            told = msgspec.json.decode(head, type=_Head)
            if told.what != HEAD or told.version != VERSION:
                raise ArchiveError(f"{file}: no archive of statements, or one of a newer version")
            digest.update(head)
            before = raw.readline()
            for line in raw:
                record = decode(before)
                digest.update(before)
                count, lines = count + 1, lines + len(record.old.lines)
                yield record
                before = line
            foot = msgspec.json.decode(before, type=_Foot)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, msgspec.DecodeError) as e:
        raise ArchiveError(f"{file}: cannot be read: {e}") from None
    if foot != _Foot(count, lines, digest.hexdigest()):
        raise ArchiveError(f"{file}: is damaged: its foot tells of other lines")


def archived_lines(folder: Path, payer: str) -> list[Line]:
    """A payer's lines out of all files in a folder, oldest first, each once. Raises ArchiveError, also where lines are
    missing in between."""
    found: dict[int, Line] = {}
    for file in sorted(folder.glob("statement-*.jsonl.gz")):
        for record in records(file):
            if record.payer == payer:
                found |= {line.seq: line for line in record.old.lines}
    lines = [found[seq] for seq in sorted(found)]
    for before, after in pairwise(lines):
        if after.seq != before.seq + 1 or after.balance_after_s != before.balance_after_s + after.seconds:
            raise ArchiveError(f"{folder}: of {payer}'s lines those between {before.seq} and {after.seq} are missing")
    if lines and lines[0].seq != 1:
        raise ArchiveError(f"{folder}: of {payer}'s lines those before {lines[0].seq} are missing")
    return lines


async def _write(
    ledger: Ledger, part: Path, before_ms: int, on_progress: Callable[[int], None]
) -> tuple[bool, tuple[str, ...]]:
    """Whether anything is that old; and who was left alone, as his account is not sound."""
    digest, count, lines = hashlib.sha256(), 0, 0
    unsound: list[str] = []
    with part.open("wb") as disk:
        with gzip.GzipFile(fileobj=disk, mode="wb", mtime=0) as out:
            _put(out, digest, _Head(HEAD, VERSION, before_ms, time.time_ns() // 1_000_000))
            async for payers in in_batches(ledger.payers()):
                for payer, account in zip(payers, await read_all(ledger, payers), strict=True):
                    if not isinstance(account, Account) or check_laws(account):
                        unsound.append(payer)
                        continue
                    for old in _steps(account, before_ms):
                        _put(out, digest, _Record(payer, old))
                        count, lines = count + 1, lines + len(old.lines)
                on_progress(len(payers))
            out.write(msgspec.json.encode(_Foot(count, lines, digest.hexdigest())) + b"\n")
        disk.flush()
        os.fsync(disk.fileno())
    return count > 0, tuple(unsound)


def _steps(account: Account | None, before_ms: int) -> Iterator[Old]:
    while account is not None and (old := old_part(account, before_ms)) is not None:
        yield old
        account = without(account, old)


def _put(out: gzip.GzipFile, digest: Any, what: msgspec.Struct) -> None:
    line = msgspec.json.encode(what) + b"\n"
    out.write(line)
    digest.update(line)
