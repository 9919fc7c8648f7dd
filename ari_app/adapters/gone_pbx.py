"""The Telephony port of a PBX that is gone for good: empty, without a record, and nothing can be asked of it.

Knows a clock. Whether it is gone, an operator must know.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ari_app.ports.telephony import DialRequest, LinkUp, NoSuchChannel, PbxEvent, Record, Snapshot


@dataclass(frozen=True, slots=True)
class Clock:
    now_ms: Callable[[], int]


class GonePbx:
    is_up = False
    """No sign of life of it is ever written down."""
    heard_ms = 0
    lag_s = 0.0
    fault = "its Asterisk is gone for good"

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.clock = Clock(now_ms)

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        pass

    async def events(self) -> AsyncIterator[PbxEvent]:
        yield LinkUp(await self.look())
        await asyncio.Event().wait()

    async def look(self) -> Snapshot:
        return Snapshot(self.clock.now_ms(), {}, {})

    async def record(self, channels: Sequence[str], from_ms: int) -> Record | None:
        return None

    async def answered_at(self, channel: str) -> int | None:
        return None

    async def dial(self, request: DialRequest) -> None:
        _gone(request.channel)

    async def open_bridge(self, bridge: str) -> None:
        _gone(bridge)

    async def join(self, bridge: str, channel: str) -> None:
        _gone(channel)

    async def close_bridge(self, bridge: str) -> None:
        _gone(bridge)

    async def cut_off(self, channel: str, in_ms: int) -> None:
        _gone(channel)

    async def play(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        _gone(channel)

    async def play_all(self, bridge: str, playback: str, sound: str, language: str = "") -> None:
        _gone(bridge)

    async def expect(self, foreign: str, channel: str) -> None:
        _gone(channel)

    async def hand_over(self, channel: str, to: str) -> None:
        _gone(channel)

    async def answer(self, channel: str) -> None:
        _gone(channel)

    async def listen(self, channel: str) -> None:
        _gone(channel)

    async def mute(self, channel: str, is_muted: bool) -> None:
        _gone(channel)

    async def stop(self, channel: str, playback: str, sound: str) -> None:
        _gone(channel)

    async def whisper(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        _gone(channel)

    async def unwhisper(self, playback: str) -> None:
        _gone(playback)

    async def tape(self, channel: str, tape: str, file: str, hears: str) -> None:
        _gone(channel)

    async def untape(self, tape: str, file: str) -> bool:
        _gone(tape)

    async def hang_up(self, channel: str) -> None:
        _gone(channel)

    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        _gone(channel)


def _gone(what: str) -> NoReturn:
    raise NoSuchChannel(404, f"{what}: its Asterisk is gone for good")
