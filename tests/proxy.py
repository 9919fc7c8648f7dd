"""A TCP proxy that misbehaves on demand, between a client under test and a real server. Knows bytes, no protocol.

async with Proxy("127.0.0.1", 8088) as proxy:
    ... connect to proxy.port ...
    proxy.cut()                      # every connection is reset; new ones work
    proxy.loses = True               # a connection is cut in place of the next bytes from the server
    proxy.stall(up=True, down=False) # bytes from client to server stop, nobody is told
    proxy.slow(delay_ms=50)          # every chunk comes later
    proxy.resume()                   # what was held flows on
    await proxy.refuse()             # new connections are refused
    await proxy.accept()             # and taken again, on the same port
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self

from tests.ports import claim

_CHUNK_BYTES = 65536


class Proxy:
    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._flows = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._delay_ms = 0
        self.port = claim()[0]
        self.accepted = 0
        self.loses = False
        self.resume()

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self.resume()
        while self._handlers:
            self.cut()
            await asyncio.wait(list(self._handlers), timeout=0.1)

    async def accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._handle, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Connections that stand already are not touched."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def stall(self, *, up: bool = True, down: bool = True) -> None:
        """`up`: client to server. The proxy stops reading too, so a sender's buffers fill up in the end."""
        if up:
            self._flows["up"].clear()
        if down:
            self._flows["down"].clear()

    def slow(self, *, delay_ms: int) -> None:
        self._delay_ms = delay_ms

    def resume(self) -> None:
        self._delay_ms = 0
        for flow in self._flows.values():
            flow.set()

    @property
    def connections(self) -> int:
        return len(self._handlers)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self._writers.add(writer)
        self.accepted += 1
        try:
            with contextlib.suppress(OSError):
                await self._join(reader, writer)
        finally:
            self._writers.discard(writer)
            self._handlers.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        self._writers.add(far_writer)
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, self._flows["up"])),
            asyncio.create_task(self._pump(far_reader, writer, self._flows["down"])),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._writers.discard(far_writer)
            far_writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event) -> None:
        while True:
            await flow.wait()
            chunk = await source.read(_CHUNK_BYTES)
            if not chunk:
                return
            await flow.wait()
            if self.loses and flow is self._flows["down"]:
                self.loses = False
                return
            await self._linger()
            sink.write(chunk)
            await sink.drain()

    async def _linger(self) -> None:
        if self._delay_ms:
            await asyncio.sleep(self._delay_ms / 1000)
