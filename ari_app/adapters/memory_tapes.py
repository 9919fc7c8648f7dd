"""The Tapes port in this process's memory, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal

from ari_app.ports.tapes import Tape


class MemoryTapes:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.running: set[str] = set()

    async def fetch(self, file: str) -> Tape | Literal["running"] | None:
        if file in self.running:
            return "running"
        sound = self.kept.get(file)
        return None if sound is None else Tape(len(sound), _in_chunks(sound))

    async def delete(self, file: str) -> bool:
        return self.kept.pop(file, None) is not None

    async def files(self) -> Sequence[str]:
        return list(self.kept)


async def _in_chunks(sound: bytes, size: int = 1_000) -> AsyncIterator[bytes]:
    for at in range(0, len(sound), size):
        yield sound[at : at + size]
