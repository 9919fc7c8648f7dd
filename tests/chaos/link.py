"""The link to the PBX, on which events can be made to come late and twice. Answers to plain HTTP pass as they come.

A late event never overtakes an older one of its channel: that much order an Asterisk keeps. Replies and events of
other channels do overtake it.
"""

from __future__ import annotations

import asyncio
import json
import random

from tests.acceptance.frames import AriEvents, Cutter
from tests.acceptance.taps import Tap

UPGRADED = b"HTTP/1.1 101"
OF_CALLS = ("channel", "peer", "playback")
APART_S = 0.001


class Whole(Cutter):
    """Whatever comes, as it comes."""

    def _length(self) -> int | None:
        return len(self._rest) or None

    def _said(self, raw: bytes) -> str:
        return ""


class EventTap(Tap):
    def __init__(self, host: str, port: int, cutter: type[Cutter]) -> None:
        super().__init__(host, port, cutter)
        self.late_ms = 0
        """The most by which an event comes late."""
        self.again_ms = 0
        """The most after which an event comes a second time; 0: none does."""
        self.rng = random.Random(0)
        self.delayed = self.repeated = 0

    def behave(self) -> None:
        self.late_ms = self.again_ms = 0

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, flow: asyncio.Event) -> None:
        if flow is not self._flows["down"]:
            await super()._pump(source, sink, flow)
            return
        cutter, due, is_http = AriEvents(), dict[str, float](), None
        while True:
            await flow.wait()
            chunk = await source.read(65536)
            if not chunk:
                return
            await flow.wait()
            await self._linger()
            if is_http is None:
                is_http = not chunk.startswith(UPGRADED)
            if is_http:
                sink.write(chunk)
                await sink.drain()
                continue
            for raw, said in cutter.feed(chunk):
                self._pass_on(raw, said, sink, due)
            await sink.drain()

    def _pass_on(self, raw: bytes, said: str, sink: asyncio.StreamWriter, due: dict[str, float]) -> None:
        """`due`: when the last event of each channel goes out, where that is still to come."""
        loop = asyncio.get_running_loop()
        about = _about(said) if said and (self.late_ms or self.again_ms or due) else ""
        at = loop.time()
        for channel in [one for one, when in due.items() if when < at - 50 * APART_S]:
            del due[channel]
        if about and (self.late_ms or about in due):
            at = max(at + self.rng.random() * self.late_ms / 1000, due.get(about, 0) + APART_S)
            due[about] = at
            self.delayed += 1
            loop.call_at(at, _write, sink, raw)
        else:
            sink.write(raw)
        if about and self.again_ms:
            self.repeated += 1
            loop.call_at(at + APART_S + self.rng.random() * self.again_ms / 1000, _write, sink, raw)


def _write(sink: asyncio.StreamWriter, raw: bytes) -> None:
    if not sink.is_closing():
        sink.write(raw)


def _about(said: str) -> str:
    """The channel or playback that an event is about; nothing where it is about the link itself."""
    event = json.loads(said)
    return next((str(event[what]["id"]) for what in OF_CALLS if isinstance(event.get(what), dict)), "")
