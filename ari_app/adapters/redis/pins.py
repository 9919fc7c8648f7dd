"""The PinStore port on Redis: a hash for each PIN, gone when it runs out. Knows keys, arguments, answers."""

from __future__ import annotations

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids

LAST = "ringbridge:pins"
"""There until the PIN that was made last has run out."""


class RedisPins:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def remember(self, call: str, ask: str, pin: str, keep_ms: int) -> str:
        check_ids(call=call, ask=ask, pin=pin)
        there = await self._link.command("SET", _ask(call, ask), pin, "NX", "GET", "PX", keep_ms)
        return pin if there is None else there.decode()

    async def forget(self, call: str, ask: str) -> None:
        check_ids(call=call, ask=ask)
        await self._link.command("DEL", _ask(call, ask))

    async def put(self, pin: str, call: str, keep_ms: int) -> bool:
        check_ids(call=call, pin=pin)
        await self._link.command("SET", LAST, "1", "PX", keep_ms)
        return bool(await self._link.script("pin_put", _pin(pin), call, keep_ms))

    async def take(self, pin: str, by: str) -> str | None:
        check_ids(pin=pin, by=by)
        said = await self._link.script("pin_take", _pin(pin), by)
        return said.decode() if said else None

    async def has_any(self) -> bool:
        return bool(await self._link.command("EXISTS", LAST))


def _pin(pin: str) -> str:
    return f"{{pin:{pin}}}"


def _ask(call: str, ask: str) -> str:
    return f"{{c:{call}}}:pin:{ask}"
