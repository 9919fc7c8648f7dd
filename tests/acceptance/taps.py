"""Proxies between the app and its servers that listen in, and act at one chosen question: before it, or right after.

So "the app died between the callee's answer and the re-setting of the timers" is no matter of luck.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from tests.acceptance.frames import Cutter
from tests.proxy import Proxy

T = TypeVar("T")
Side = Literal["before", "after"]


@dataclass
class Trap:
    """`act` is called once, at question number `skip` (from 0) of those that `match`. "before": the question never
    arrives, nor does anything that follows it on that connection; "after": it does, and nobody hears the answer."""

    match: Callable[[str], bool]
    act: Callable[[], None]
    side: Side = "before"
    skip: int = 0
    sprung: threading.Event = field(default_factory=threading.Event)
    said: str = ""

    def is_at(self, said: str) -> bool:
        if self.sprung.is_set() or not self.match(said):
            return False
        self.skip -= 1
        return self.skip < 0

    def spring(self, said: str) -> None:
        self.said = said
        self.act()
        self.sprung.set()


class Tap(Proxy):
    def __init__(self, host: str, port: int, cutter: type[Cutter]) -> None:
        super().__init__(host, port)
        self._cutter = cutter
        self.trap: Trap | None = None
        self.heard: list[str] | None = None
        """Every question, once this is a list."""

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event) -> None:
        if flow is not self._flows["up"]:
            await super()._pump(source, sink, flow)
            return
        cutter = self._cutter()
        while True:
            await flow.wait()
            chunk = await source.read(65536)
            if not chunk:
                return
            await flow.wait()
            await self._linger()
            for raw, said in cutter.feed(chunk):
                if self._is_stopped_at(raw, said, sink):
                    await sink.drain()
                    return
            await sink.drain()

    def _is_stopped_at(self, raw: bytes, said: str, sink: asyncio.StreamWriter) -> bool:
        if said and self.heard is not None:
            self.heard.append(said)
        trap = self.trap if said and self.trap is not None and self.trap.is_at(said) else None
        if trap is None or trap.side == "after":
            sink.write(raw)
        if trap is not None:
            trap.spring(said)
        return trap is not None


class Background:
    """An event loop in a thread of its own, for proxies under tests that are written straight downwards."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop)
        return done.result(timeout=10)

    def call(self, function: Callable[[], object]) -> None:
        """In the loop's thread; back when it was done."""

        async def work() -> None:
            function()

        self.run(work())

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)
        self.loop.close()
