"""API keys in Redis: one hash, the digest of a secret → the key. No secret comes here."""

from typing import Protocol

import msgspec

from ari_app.ports.keys import ApiKey

KEYS = "{k}:keys"

_decode = msgspec.json.Decoder(ApiKey).decode


class Link(Protocol):
    """What is needed of the connection: commands on one hash."""

    async def hget(self, key: str, field: str) -> bytes | None: ...

    async def hset(self, key: str, field: str, value: bytes) -> None: ...

    async def hdel(self, key: str, fields: list[str]) -> int: ...

    async def hgetall(self, key: str) -> dict[str, bytes]: ...


class RedisKeys:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def add(self, digest: str, key: ApiKey) -> None:
        await self._link.hset(KEYS, digest, msgspec.json.encode(key))

    async def find(self, digest: str) -> ApiKey | None:
        raw = await self._link.hget(KEYS, digest)
        return _decode(raw) if raw else None

    async def all(self) -> list[ApiKey]:
        found = (await self._link.hgetall(KEYS)).values()
        return sorted(map(_decode, found), key=lambda key: (key.created_at_ms, key.id))

    async def delete(self, key_id: str) -> bool:
        found = await self._link.hgetall(KEYS)
        digests = [digest for digest, raw in found.items() if _decode(raw).id == key_id]
        return bool(digests) and await self._link.hdel(KEYS, digests) > 0
