"""The Verifications port on Redis: a hash for each user and number, under the user's tag, gone when the code has run
out. Knows keys, arguments, answers."""

from __future__ import annotations

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids
from ari_app.ports.verifications import Attempt, Code

GONE_LATE_MS = 60_000
"""Kept so much longer than it counts: the clock that says so is the PBX's."""


class RedisVerifications:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, user: str, number: str, code: Code) -> bool:
        keep_ms = code.expires_at_ms - code.asked_at_ms + GONE_LATE_MS
        args = (code.call, code.digest, code.asked_at_ms, code.expires_at_ms, code.tries, keep_ms)
        return bool(await self._link.script("code", _key(user, number), *args))

    async def attempt(self, user: str, number: str, now_ms: int) -> Attempt | None:
        said = await self._link.script("attempt", _key(user, number), now_ms)
        if not said:
            return None
        call, digest, asked_at_ms, expires_at_ms, tries, left, spent = (one.decode() for one in said)
        code = Code(call, digest, int(asked_at_ms), int(expires_at_ms), int(tries))
        return Attempt(code, int(left), spent == "1")

    async def spend(self, user: str, number: str, call: str) -> None:
        await self._link.script("spend", _key(user, number), call)


def _key(user: str, number: str) -> str:
    check_ids(payer=user, number=number)
    return f"{{u:{user}}}:code:{number}"
