"""The ClickTokens port in this process's memory, for tests. `now_ms`: the store's own clock, by which one goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ari_app.domain.ledger_types import check_ids
from ari_app.ports.click import ClickToken, Made

T = TypeVar("T")


class MemoryClickTokens:
    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._tokens: dict[str, tuple[ClickToken, int]] = {}
        self._made: dict[str, tuple[Made, int]] = {}

    async def remember(self, once: str, made: Made, keep_ms: int) -> Made:
        check_ids(once=once)
        there = self._kept(self._made, once)
        if there is None:
            self._made[once] = made, self._now_ms() + keep_ms
        return there or made

    async def put(self, token: ClickToken, keep_ms: int) -> None:
        check_ids(id=token.id)
        if self._kept(self._tokens, token.id) is None:
            self._tokens[token.id] = token, self._now_ms() + keep_ms

    async def find(self, id: str) -> ClickToken | None:
        check_ids(id=id)
        return self._kept(self._tokens, id)

    def _kept(self, of: dict[str, tuple[T, int]], id: str) -> T | None:
        kept = of.get(id)
        return kept[0] if kept is not None and kept[1] > self._now_ms() else None
