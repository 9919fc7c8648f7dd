"""The ImportedFiles port on Redis: a key for each import, gone when it runs out. Knows keys, arguments, answers."""

from __future__ import annotations

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids


class RedisImportedFiles:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def first(self, name: str, digest: str, keep_ms: int) -> str:
        check_ids(name=name, digest=digest)
        there = await self._link.command("SET", f"{{import:{name}}}", digest, "NX", "GET", "PX", keep_ms)
        return digest if there is None else there.decode()
