"""Who asks, whether he may, and whether he asks too often: `Authorization: Bearer <key>`. Knows keys, scopes and
limits; no route.

Both limits are this process's own: with several processes behind one address each has its own count.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

import structlog
from starlette.requests import Request

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.front import HEADERS
from ari_app.entrypoints.http.limits import S_NS, Buckets, Limits, customer_of, whole_s
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey, Keys, Scope, digest_of

log = structlog.get_logger()

REMEMBERED_MAX = 1_000  # keys; only good ones are remembered, so that guessing cannot push them out
USED_EVERY_MS = 60_000
"""So old may the time be at which a key is said to have been used last: not every request writes."""
TOLD_EVERY_NS = 60 * S_NS


class Gate:
    """Checks keys, and believes a good one for `cache_ms` without asking the store."""

    def __init__(
        self, keys: Keys, cache_ms: int, now_ms: Callable[[], int], limits: Limits,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:  # fmt: skip
        self._keys = keys
        self._cache_ns = cache_ms * 1_000_000
        self._now_ms = now_ms
        self._limits = limits
        self._clock_ns = clock_ns
        self._good: OrderedDict[str, tuple[ApiKey, int]] = OrderedDict()  # digest → key, believed until
        self._revoked = 0
        self._used_ms: dict[str, int] = {}
        self._asked, self._guessed = Buckets(), Buckets()
        self._told_ns = -TOLD_EVERY_NS

    async def who(self, request: Request) -> ApiKey:
        """Raises Problem: 401, 429."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not (secret := secret.strip()):
            raise _unauthorized("Send your key as “Authorization: Bearer <key>”.")
        digest = digest_of(secret)
        good = self._good.get(digest)
        is_believed = good is not None and self._clock_ns() < good[1]
        key = good[0] if good is not None and is_believed else await self._looked_up(request, digest)
        if key.is_over(self._now_ms()):
            raise _unauthorized("This key has expired.")
        self._count(request, key)
        return key

    def forget(self, key_id: str) -> None:
        """It was revoked: here it ends now, in other processes when they ask the store again."""
        self._revoked += 1
        for digest in [digest for digest, (key, _) in self._good.items() if key.id == key_id]:
            del self._good[digest]
        self._used_ms.pop(key_id, None)
        self._asked.forget(key_id)

    async def _looked_up(self, request: Request, digest: str) -> ApiKey:
        address = self._may_guess(request, digest)
        revoked = self._revoked
        key = await self._keys.find(digest)
        if key is None:
            self._good.pop(digest, None)
            if (rate := self._limits.of_guesses) is not None:
                self._guessed.take(address, rate, self._clock_ns())
            raise _unauthorized("This key is not known.")
        if revoked == self._revoked:  # else it may be this one that was revoked meanwhile
            self._remember(digest, key)
        await self._note_use(key)
        return key

    def _remember(self, digest: str, key: ApiKey) -> None:
        self._good[digest] = key, self._clock_ns() + self._cache_ns
        self._good.move_to_end(digest)
        if len(self._good) > REMEMBERED_MAX:
            forgotten, _ = self._good.popitem(last=False)[1]
            self._used_ms.pop(forgotten.id, None)

    def _may_guess(self, request: Request, digest: str) -> str:
        """The address that asks, unless too many wrong keys came from there: then a key that was not good here lately
        is not looked up, right or wrong."""
        rate = self._limits.of_guesses
        if rate is None:
            return ""
        address, now_ns = address_of(request, self._limits.proxies), self._clock_ns()
        wait_ns = self._guessed.wait_ns(address, rate, now_ns)
        if not wait_ns or digest in self._good:
            return address
        if now_ns - self._told_ns >= TOLD_EVERY_NS:
            self._told_ns = now_ns
            log.warning("too many wrong keys", address=address)
        sentence = f"Too many wrong keys came from this address: {rate.burst} a minute are looked at."
        raise _too_many(sentence, "wrong-keys", wait_ns)

    async def _note_use(self, key: ApiKey) -> None:
        """What is only told to people must not keep a request from being served."""
        now_ms = self._now_ms()
        if now_ms - self._used_ms.get(key.id, 0) >= USED_EVERY_MS:
            self._used_ms[key.id] = now_ms
            with suppress(Unavailable):
                await self._keys.note_use(key.id, now_ms)

    def _count(self, request: Request, key: ApiKey) -> None:
        rate = self._limits.of(key)
        if rate is None:
            return
        now_ns = self._clock_ns()
        wait_ns = self._asked.wait_ns(key.id, rate, now_ns)
        if not wait_ns:
            self._asked.take(key.id, rate, now_ns)
        left, full_s = self._asked.left(key.id, rate, now_ns), whole_s(self._asked.full_in_ns(key.id, now_ns))
        request.scope[HEADERS] = (
            (b"ratelimit-policy", b'"key";q=%d;w=%d' % (rate.burst, whole_s(rate.refill_ns))),
            (b"ratelimit", b'"key";r=%d;t=%d' % (left, full_s)),
        )
        if wait_ns:
            sentence = f"This key may ask {S_NS // rate.interval_ns} times a second, {rate.burst} times at once."
            raise _too_many(sentence, "key", wait_ns)


async def allowed(request: Request, *scopes: Scope) -> ApiKey:
    """The key that asks, if it has one of the scopes (`admin` has all). Raises Problem: 401, 403, 429."""
    key = await gate(request).who(request)
    if not any(key.may(scope) for scope in scopes):
        wanted = " or ".join(dict.fromkeys((*scopes, "admin")))
        raise Problem("forbidden", f"This key may not do this; it needs the scope {wanted}.")
    return key


def gate(request: Request) -> Gate:
    return cast(Gate, request.state.gate)


def address_of(request: Request, proxies: Sequence[str]) -> str:
    """Whom to hold to account: the last address that is none of our proxies."""
    said = request.headers.getlist("x-forwarded-for")
    way = [one.strip() for line in said for one in line.split(",")]
    address = request.client.host if request.client else ""
    while address in proxies and way:
        address = way.pop()
    return customer_of(address)


def _unauthorized(sentence: str) -> Problem:
    return Problem("unauthorized", sentence, headers={"WWW-Authenticate": "Bearer"})


def _too_many(sentence: str, rule: str, wait_ns: int) -> Problem:
    return Problem("too-many-requests", sentence, retry_after_s=whole_s(wait_ns), extra={"rule": rule})
