"""PINs with which somebody dials into a call that goes on: made, told apart from phone numbers by their look, taken
once. Knows the store; must not know what is done with a call."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ari_app.domain.errors import Unavailable
from ari_app.ports.pins import PinStore

LOOK = re.compile(r"[2-9][0-9]{7}")
"""No number that can be dialled looks so: those have an area code, which begins with 0, or begin with 1, +, or are
shorter. 80 million: who guesses is stopped by the limit on wrong PINs long before."""
TRIES_MAX = 10


@dataclass(frozen=True, slots=True)
class Pin:
    pin: str
    expires_at_ms: int


class Pins:
    def __init__(self, store: PinStore, keep_ms: int, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._keep_ms = keep_ms
        self._now_ms = now_ms

    def is_pin(self, digits: str) -> bool:
        """By its look."""
        return LOOK.fullmatch(digits) is not None

    async def make(self, call: str, ask: str) -> Pin:
        """Of a call, for one phone; the same ask again gives the same. May raise Unavailable."""
        for _ in range(TRIES_MAX):
            made = f"{_random()}.{self._now_ms() + self._keep_ms}"
            pin, _, expires_at_ms = (await self._store.remember(call, ask, made, self._keep_ms)).partition(".")
            if await self._store.put(pin, call, self._keep_ms):
                return Pin(pin, int(expires_at_ms))
            await self._store.forget(call, ask)
        raise Unavailable("no free PIN was found")

    async def take(self, pin: str, by: str) -> str | None:
        """The call that it leads to; None: to none. Once taken it is nobody else's; the same one, asking again, gets
        the same answer. May raise Unavailable."""
        return await self._store.take(pin, by) if self.is_pin(pin) else None

    async def has_any(self) -> bool:
        return await self._store.has_any()


def _random() -> str:
    return str(20_000_000 + secrets.randbelow(80_000_000))
