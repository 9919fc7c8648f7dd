"""The ImportedFiles port in this process's memory, for tests. `now_ms`: the store's own clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from ari_app.domain.ledger_types import check_ids


class MemoryImportedFiles:
    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._files: dict[str, tuple[str, int]] = {}

    async def first(self, name: str, digest: str, keep_ms: int) -> str:
        check_ids(name=name, digest=digest)
        now_ms = self._now_ms()
        there, until_ms = self._files.get(name, ("", 0))
        if until_ms > now_ms:
            return there
        self._files[name] = digest, now_ms + keep_ms
        return digest
