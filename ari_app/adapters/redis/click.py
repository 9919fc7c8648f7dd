"""The ClickTokens port on Redis: one key for each token, gone when its time is over. Knows keys and their bytes."""

from __future__ import annotations

import msgspec

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids
from ari_app.ports.click import ClickToken, Made

_encode = msgspec.json.Encoder().encode
_token = msgspec.json.Decoder(ClickToken).decode
_made = msgspec.json.Decoder(Made).decode


class RedisClickTokens:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def remember(self, once: str, made: Made, keep_ms: int) -> Made:
        check_ids(once=once)
        there = await self._link.command("SET", f"{{click:{once}}}:o", _encode(made), "NX", "GET", "PX", keep_ms)
        return made if there is None else _made(there)

    async def put(self, token: ClickToken, keep_ms: int) -> None:
        check_ids(id=token.id)
        await self._link.command("SET", _key(token.id), _encode(token), "NX", "PX", keep_ms)

    async def find(self, id: str) -> ClickToken | None:
        check_ids(id=id)
        there = await self._link.command("GET", _key(id))
        return None if there is None else _token(there)


def _key(id: str) -> str:
    return f"{{click:{id}}}:t"
