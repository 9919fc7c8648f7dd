"""The ToErase port in this process's memory: the twin of adapters/redis/erasing.py, for tests."""

from __future__ import annotations

from collections.abc import Sequence


class MemoryToErase:
    def __init__(self) -> None:
        self._at_ms: dict[str, int] = {}

    async def note(self, files: Sequence[str], at_ms: int) -> None:
        self._at_ms |= dict.fromkeys(files, at_ms)

    async def due(self, now_ms: int, most: int) -> list[str]:
        due = sorted((at_ms, file) for file, at_ms in self._at_ms.items() if at_ms <= now_ms)
        return [file for _, file in due[:most]]

    async def erased(self, files: Sequence[str]) -> None:
        for file in files:
            self._at_ms.pop(file, None)

    async def put_off(self, files: Sequence[str], at_ms: int) -> None:
        self._at_ms |= {file: at_ms for file in files if file in self._at_ms}
