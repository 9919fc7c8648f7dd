"""Who asks, and whether he may: `Authorization: Bearer <key>`. Knows keys and scopes; no route."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import cast

from starlette.requests import Request

from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey, Keys, Scope, digest_of

REMEMBERED_MAX = 1_000  # keys; only good ones are remembered, so that guessing cannot push them out


class Gate:
    """Checks keys, and believes a good one for `cache_ms` without asking the store."""

    def __init__(self, keys: Keys, cache_ms: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._cache_s = cache_ms / 1000
        self._clock = clock
        self._good: OrderedDict[str, tuple[ApiKey, float]] = OrderedDict()

    async def who(self, request: Request) -> ApiKey:
        """Raises Problem (401)."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not (secret := secret.strip()):
            raise _unauthorized("Send your key as “Authorization: Bearer <key>”.")
        digest = digest_of(secret)
        if (good := self._good.get(digest)) is not None and self._clock() < good[1]:
            return good[0]
        key = await self._keys.find(digest)
        if key is None:
            self._good.pop(digest, None)
            raise _unauthorized("This key is not known.")
        self._good[digest] = key, self._clock() + self._cache_s
        self._good.move_to_end(digest)
        if len(self._good) > REMEMBERED_MAX:
            self._good.popitem(last=False)
        return key


async def allowed(request: Request, *scopes: Scope) -> ApiKey:
    """The key that asks, if it has one of the scopes (`admin` has all). Raises Problem: 401, 403."""
    key = await cast(Gate, request.app.state.gate).who(request)
    if not any(key.may(scope) for scope in scopes):
        wanted = " or ".join(dict.fromkeys((*scopes, "admin")))
        raise Problem("forbidden", f"This key may not do this; it needs the scope {wanted}.")
    return key


def _unauthorized(sentence: str) -> Problem:
    return Problem("unauthorized", sentence, headers={"WWW-Authenticate": "Bearer"})
