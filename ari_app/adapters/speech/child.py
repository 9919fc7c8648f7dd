"""Runs a program on some bytes and gives what it wrote. It never outlives the question: too slow, too much, or nobody
waits any more, and it is killed with all that it started. Knows no voice."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

TOLD_MAX = 2000


class TooMuch(Exception):
    """It wrote more than was asked for."""


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: bytes
    told: str
    """The first line of its standard error."""


async def run(argv: Sequence[str], given: bytes, *, out_max: int) -> Ran:
    """Raises OSError where it cannot be started, and TooMuch. The time limit is the caller's: `asyncio.timeout`."""
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, env=environment(os.environ),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.TaskGroup() as all_three:
            all_three.create_task(_feed(process.stdin, given))
            out = all_three.create_task(_read(process.stdout, out_max))
            told = all_three.create_task(_told(process.stderr))
        code = await process.wait()
    except ExceptionGroup as faults:
        raise faults.exceptions[0] from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return Ran(code, out.result(), told.result())


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Without our settings: passwords are among them."""
    return {name: value for name, value in environ.items() if not name.startswith("RINGBRIDGE_")}


async def _feed(stdin: asyncio.StreamWriter, given: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it reads no more: its exit code tells why
        stdin.write(given)
        await stdin.drain()
    stdin.close()


async def _read(stdout: asyncio.StreamReader, most: int) -> bytes:
    parts, size = [], 0
    while part := await stdout.read(65536):
        size += len(part)
        if size > most:
            raise TooMuch
        parts.append(part)
    return b"".join(parts)


async def _told(stderr: asyncio.StreamReader) -> str:
    told = b""
    while part := await stderr.read(65536):
        told = (told + part)[:TOLD_MAX]
    return next(iter(told.decode("utf-8", "replace").strip().splitlines()), "")
