"""The PinStore port in this process's memory, for tests. `now_ms`: the store's own clock, by which a PIN runs out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ari_app.domain.ledger_types import check_ids


@dataclass(slots=True)
class _Kept:
    value: str
    until_ms: int
    by: str = ""


class MemoryPins:
    def __init__(self, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._now_ms = now_ms
        self._pins: dict[str, _Kept] = {}
        self._asks: dict[tuple[str, str], _Kept] = {}

    async def remember(self, call: str, ask: str, pin: str, keep_ms: int) -> str:
        check_ids(call=call, ask=ask, pin=pin)
        kept = self._asks.get((call, ask))
        if kept is None or kept.until_ms <= self._now_ms():
            kept = self._asks[call, ask] = _Kept(pin, self._now_ms() + keep_ms)
        return kept.value

    async def forget(self, call: str, ask: str) -> None:
        self._asks.pop((call, ask), None)

    async def put(self, pin: str, call: str, keep_ms: int) -> bool:
        check_ids(call=call, pin=pin)
        kept = self._live(pin)
        if kept is None:
            self._pins[pin] = _Kept(call, self._now_ms() + keep_ms)
        return kept is None or kept.value == call

    async def take(self, pin: str, by: str) -> str | None:
        check_ids(pin=pin, by=by)
        kept = self._live(pin)
        if kept is None or kept.by not in ("", by):
            return None
        kept.by = by
        return kept.value

    async def has_any(self) -> bool:
        return any(kept.until_ms > self._now_ms() for kept in self._pins.values())

    def _live(self, pin: str) -> _Kept | None:
        kept = self._pins.get(pin)
        return kept if kept is not None and kept.until_ms > self._now_ms() else None
