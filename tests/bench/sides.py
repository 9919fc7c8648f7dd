"""The two that are compared: a bare Dial() of both legs from the dialplan, and this app. How each is asked for a call.

Neither is waited for: what became of a call is read from the records of the two Asterisks (witness.py).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, Self

import aiohttp

from ari_app.stack import StackInfo
from tests.bench.ground import Ground


@dataclass(slots=True)
class Attempt:
    """One call as asked for. `id`: the caller's channel of a bare Dial(), or the call's id."""

    user: int
    caller: str
    callee: str
    asked_at_us: int = 0
    id: str = ""
    failure: str = ""


class Side(Protocol):
    name: str
    charges_s: int  # the payer, for one call

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    async def place(self, attempt: Attempt) -> None: ...


def now_us() -> int:
    return time.time_ns() // 1000


class Bare:
    """AMI Originate to the dialplan, which dials the other leg."""

    name, charges_s = "bare", 0
    _ids = itertools.count(1)

    def __init__(self, info: StackInfo) -> None:
        self._info = info
        self._asked: dict[str, Attempt] = {}

    async def __aenter__(self) -> Self:
        info = self._info
        reader, self._writer = await asyncio.open_connection(info.ami_host, info.ami_port)
        self._send(Action="Login", Username=info.ami_bench_user, Secret=info.ami_bench_secret)
        said = await reader.readuntil(b"\r\n\r\n")
        assert b"Success" in said, said
        self._listening = asyncio.create_task(self._listen(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.cancel()
        await asyncio.gather(self._listening, return_exceptions=True)
        self._writer.close()

    async def place(self, attempt: Attempt) -> None:
        attempt.id = f"bench-{next(self._ids)}"
        self._asked[attempt.id] = attempt
        attempt.asked_at_us = now_us()
        self._send(
            Action="Originate", ActionID=attempt.id, ChannelId=attempt.id, Channel=f"PJSIP/{attempt.caller}@carrier",
            Context="baseline", Exten=attempt.callee, Priority="1", CallerID="+864001234567", Timeout="24000",
            Async="true",
        )  # fmt: skip
        await self._writer.drain()

    def _send(self, **fields: str) -> None:
        self._writer.write("".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n")

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while True:
            said = await reader.readuntil(b"\r\n\r\n")
            if b"Response: Failure" in said or b"Response: Error" in said:
                fields = dict(line.split(": ", 1) for line in said.decode().splitlines() if ": " in line)
                if (attempt := self._asked.get(fields.get("ActionID", ""))) is not None:
                    attempt.failure = fields.get("Message") or f"reason {fields.get('Reason')}"


class Ours:
    """POST /v1/calls: checked, charged, stored."""

    name, charges_s = "app", 60

    def __init__(self, on: Ground) -> None:
        self._url, self._key = f"{on.app.api}/v1/calls", on.app.key
        host, _, port = on.app.api.partition("://")[2].partition(":")
        self._address = host, int(port)
        self._head = (
            f"POST /v1/calls HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {on.app.key}\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        ).encode()
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._key}"}, connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=20),
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        while self._idle:  # a side may be entered again: what is closed must not be taken for a kept connection
            self._idle.pop()[1].close()
        await self._http.close()

    async def place(self, attempt: Attempt) -> None:
        body = json.dumps({"caller": f"bench-{attempt.user}", "callee": attempt.callee})
        attempt.asked_at_us = now_us()
        try:
            status, said = await self._post(body.encode())
        except (OSError, EOFError, TimeoutError) as e:
            attempt.failure = repr(e)
            return
        if status == 201:
            attempt.id = said["id"]
        else:
            attempt.failure = f"{status} {said.get('type')}"

    async def _post(self, body: bytes) -> tuple[int, dict[str, str]]:
        """Over a connection that is kept; with as little of the machine's time as the other side's AMI takes."""
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        writer.write(self._head % len(body) + body)
        async with asyncio.timeout(20):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(v) for n, _, v in map(_field, head.split(b"\r\n")) if n == b"content-length")
            said = json.loads(await reader.readexactly(length))
        if b"\r\nconnection: close" in head.lower():
            writer.close()
        else:
            self._idle.append((reader, writer))
        return int(head.split(b" ", 2)[1]), said

    async def end(self, call: str) -> None:
        async with self._http.delete(f"{self._url}/{call}") as answer:
            assert answer.status in (200, 202), await answer.text()

    async def show(self, call: str) -> dict[str, object]:
        async with self._http.get(f"{self._url}/{call}") as answer:
            return dict(await answer.json())


def _field(line: bytes) -> tuple[bytes, bytes, bytes]:
    name, colon, value = line.partition(b":")
    return name.lower(), colon, value


async def paced(rate_per_s: float, attempts: list[Attempt], place: Callable[[Attempt], Awaitable[None]]) -> float:
    """Ask for all at an even pace, whatever becomes of them. The rate that was really kept."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    asked = []
    for n, attempt in enumerate(attempts):
        ahead_s = began_s + n / rate_per_s - loop.time()
        if ahead_s > 0:
            await asyncio.sleep(ahead_s)
        asked.append(asyncio.ensure_future(place(attempt)))
    last_s = max(loop.time() - began_s, 1e-9)
    await asyncio.gather(*asked)
    return (len(attempts) - 1) / last_s if len(attempts) > 1 else rate_per_s
