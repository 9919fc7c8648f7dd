"""A full disk for one process alone: a limit on the size of its files, which can be set and lifted while it runs.

Knows Linux' limits and where Redis has its log; a write beyond the limit fails as on a disk without room.
"""

from __future__ import annotations

import resource
import stat
from contextlib import suppress
from pathlib import Path

from ari_app.stack.plan import StackOptions, find_tools


def redis_that_outlives_it(folder: Path) -> Path:
    """A program that is Redis, and does not die of the signal which comes with the error of the write."""
    command = " ".join(f'"{word}"' for word in find_tools(StackOptions(pbx=False, carrier=False)).redis)
    program = folder / "redis-server"
    program.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {command} \"$@\"\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def fill_disk(pid: int, logs: Path) -> None:
    """Its newest log cannot grow by another byte."""
    log = max(logs.glob("*.incr.aof"), key=lambda one: one.stat().st_mtime)
    _limit(pid, log.stat().st_size)


def free_disk(pid: int) -> None:
    _limit(pid, None)


def _limit(pid: int, size: int | None) -> None:
    with suppress(ProcessLookupError):  # killed meanwhile
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most if size is None else size, most))
