"""API keys in Redis: one hash, the digest of a secret → the key; another, its id → when it was last used (ms); and for
each tenant the set of its keys' digests. No secret comes here.

The operator's set lacks the keys of before there were sets: his own are looked for among all.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ari_app.domain.tenants import OPERATOR
from ari_app.ports.keys import ApiKey, Rotated, id_of

KEYS = "{k}:keys"
USES = "{k}:keys:used"

_decode = msgspec.json.Decoder(ApiKey).decode
_encode = msgspec.json.Encoder().encode


class Link(Protocol):
    """What is needed of the connection."""

    async def command(self, *args: bytes | str | int) -> Any: ...

    async def script(self, name: str, *args: bytes | str | int) -> Any: ...


class RedisKeys:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def add(self, digest: str, key: ApiKey, most: int | None = None) -> bool:
        if most is not None and key.is_operators:
            if len(await self.of(OPERATOR)) >= most:
                return False
            most = None
        limit = "" if most is None else most
        return bool(await self._link.script("key_add", KEYS, _of(key.tenant), digest, _encode(key), limit))

    async def find(self, digest: str) -> ApiKey | None:
        raw = await self._link.command("HGET", KEYS, digest)
        return _decode(raw) if raw else None

    async def all(self) -> list[ApiKey]:
        return _by_age(await self._link.command("HVALS", KEYS))

    async def of(self, tenant: str) -> list[ApiKey]:
        if tenant == OPERATOR:
            return [key for key in await self.all() if key.is_operators]
        digests = await self._link.command("SMEMBERS", _of(tenant))
        return _by_age(await self._link.command("HMGET", KEYS, *digests) if digests else ())

    async def delete(self, key: ApiKey) -> bool:
        digest = await self._digest(key.id, key.tenant)
        dropped = await self._link.script("key_drop", KEYS, _of(key.tenant), USES, digest, key.id)
        return bool(dropped)

    async def rotate(self, old: ApiKey, retired: ApiKey, digest: str, new: ApiKey, *, is_over: bool) -> Rotated:
        lost = await self._digest(old.replaced_by, old.tenant)
        done: Rotated = (await self._link.script(
            "key_rotate", KEYS, _of(old.tenant), USES, await self._digest(old.id, old.tenant), old.replaced_by,
            _encode(retired), digest, _encode(new), lost, int(is_over),
        )).decode()  # fmt: skip
        return done

    async def note_use(self, key_id: str, at_ms: int) -> None:
        await self._link.command("HSET", USES, key_id, at_ms)

    async def uses_ms(self, key_ids: Sequence[str]) -> Mapping[str, int]:
        found = await self._link.command("HMGET", USES, *key_ids) if key_ids else ()
        return {key_id: int(at_ms) for key_id, at_ms in zip(key_ids, found, strict=True) if at_ms is not None}

    async def _digest(self, key_id: str, tenant: str) -> str:
        """ "" where there is no such key."""
        if not key_id:
            return ""
        asked = ("HKEYS", KEYS) if tenant == OPERATOR else ("SMEMBERS", _of(tenant))
        digests = [one.decode() for one in await self._link.command(*asked)]
        return next((digest for digest in digests if id_of(digest) == key_id), "")


def _of(tenant: str) -> str:
    return f"{{k}}:keys:of:{tenant}"


def _by_age(found: Sequence[bytes | None]) -> list[ApiKey]:
    return sorted((_decode(raw) for raw in found if raw is not None), key=lambda key: (key.created_at_ms, key.id))
