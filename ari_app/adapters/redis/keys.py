"""API keys in Redis: one hash, the digest of a secret → the key; another, its id → when it was last used (ms). No
secret comes here."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from ari_app.ports.keys import ApiKey, id_of

KEYS = "{k}:keys"
USES = "{k}:keys:used"

_decode = msgspec.json.Decoder(ApiKey).decode


class Link(Protocol):
    """What is needed of the connection."""

    async def command(self, *args: bytes | str | int) -> Any: ...


class RedisKeys:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def add(self, digest: str, key: ApiKey) -> None:
        await self._link.command("HSET", KEYS, digest, msgspec.json.encode(key))

    async def find(self, digest: str) -> ApiKey | None:
        raw = await self._link.command("HGET", KEYS, digest)
        return _decode(raw) if raw else None

    async def all(self) -> list[ApiKey]:
        found = await self._link.command("HVALS", KEYS)
        return sorted(map(_decode, found), key=lambda key: (key.created_at_ms, key.id))

    async def delete(self, key_id: str) -> bool:
        digests = [one for one in await self._link.command("HKEYS", KEYS) if id_of(one.decode()) == key_id]
        is_gone = bool(digests) and await self._link.command("HDEL", KEYS, *digests) > 0
        await self._link.command("HDEL", USES, key_id)
        return is_gone

    async def note_use(self, key_id: str, at_ms: int) -> None:
        await self._link.command("HSET", USES, key_id, at_ms)

    async def uses_ms(self) -> Mapping[str, int]:
        found = await self._link.command("HGETALL", USES)
        pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
        return {key_id.decode(): int(at_ms) for key_id, at_ms in pairs}
