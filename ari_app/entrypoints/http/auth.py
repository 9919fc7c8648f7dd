"""Who asks, whether he may, and whether he asks too often: `Authorization: Bearer <key>`. Knows keys, scopes and
limits; no route.

All limits are this process's own: with several processes behind one address each has its own count.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

import structlog
from starlette.requests import Request

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.limits import S_NS, Buckets, Count, Limits, Rate, counted, customer_of, whole_s
from ari_app.entrypoints.http.masking import mask_for
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.spoken import HEADERS
from ari_app.ports.keys import ApiKey, Keys, Scope, digest_of
from ari_app.ports.tenants import Tenant, Tenants

log = structlog.get_logger()

REMEMBERED_MAX = 1_000  # keys; only those that are known, so that guessing cannot push them out
USED_EVERY_MS = 60_000
"""So old may the time be at which a key is said to have been used last: not every request writes."""
TOLD_EVERY_NS = 60 * S_NS
OF_A_TOKEN = Rate(30, S_NS // 5)
"""A page that asks how its one call goes needs less."""
ASKERS = {"key": "This key", "tenant": "All keys of this tenant together"}
CLOSED = "The tenant of this key is closed: ask whoever runs the platform. What is kept of it is still there."


class Holder(NamedTuple):
    """A key, with its tenant as it is known; None: the operator's, or a tenant that is not there."""

    key: ApiKey
    tenant: Tenant | None


class Gate:
    """Checks keys, and believes what it was told of one, and of its tenant, for `cache_ms` without asking the store."""

    def __init__(
        self, keys: Keys, tenants: Tenants, cache_ms: int, now_ms: Callable[[], int], limits: Limits,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:  # fmt: skip
        self._keys = keys
        self._tenants = tenants
        self._cache_ns = cache_ms * 1_000_000
        self._now_ms = now_ms
        self._limits = limits
        self._clock_ns = clock_ns
        self._good: OrderedDict[str, tuple[Holder, int]] = OrderedDict()  # digest → whose, believed until
        self._forgotten = 0
        self._used_ms: dict[str, int] = {}
        self._asked, self._tenant_asked, self._guessed = Buckets(), Buckets(), Buckets()
        self._of_tokens = Buckets()
        self._told_ns = -TOLD_EVERY_NS

    async def who(self, request: Request) -> ApiKey:
        """Raises Problem: 401, 429."""
        digest = sent_digest(request)
        if not digest:
            raise _unauthorized("Send your key as “Authorization: Bearer <key>”.")
        holder = self._believed(digest) or await self._looked_up(request, digest)
        if (why := self._why_over(holder)) is not None:
            raise _unauthorized(why)
        self._count(request, *holder)
        return holder.key

    async def holds(self, digest: str) -> bool:
        """Whether a key that was let in before still would be. Is no request of its own, and no guess."""
        holder = self._believed(digest) or await self._found(digest)
        return holder is not None and self._why_over(holder) is None

    def may_guess(self, request: Request) -> str:
        """For secrets of other kinds, which are counted with the keys: the address, to be told of if it was a wrong
        one. Raises Problem (429)."""
        return self._may_guess(request, "")

    def guessed_wrong(self, address: str) -> None:
        if (rate := self._limits.of_guesses) is not None:
            self._guessed.take(address, rate, self._clock_ns())

    def count_token(self, id: str) -> None:
        """A request with a click token, which comes from anybody's browser. Raises Problem (429)."""
        now_ns = self._clock_ns()
        if wait_ns := self._of_tokens.wait_ns(id, OF_A_TOKEN, now_ns):
            raise _too_many("This token is asked with too often.", "click-token", wait_ns)
        self._of_tokens.take(id, OF_A_TOKEN, now_ns)

    def _believed(self, digest: str) -> Holder | None:
        good = self._good.get(digest)
        return good[0] if good is not None and self._clock_ns() < good[1] else None

    def _why_over(self, holder: Holder) -> str | None:
        if holder.key.is_over(self._now_ms()):
            return "This key has expired."
        is_closed = not holder.key.is_operators and (holder.tenant is None or holder.tenant.is_closed)
        return CLOSED if is_closed else None

    def forget(self, key_id: str) -> None:
        """It was revoked or replaced: here that counts now, in other processes when they ask the store again."""
        self._forget(lambda key: key.id == key_id)
        self._used_ms.pop(key_id, None)

    def forget_tenant(self, tenant: str) -> None:
        """It was changed or closed: the same."""
        self._forget(lambda key: key.tenant == tenant)

    def _forget(self, is_meant: Callable[[ApiKey], bool]) -> None:
        self._forgotten += 1
        for digest in [digest for digest, (holder, _) in self._good.items() if is_meant(holder.key)]:
            del self._good[digest]

    async def _looked_up(self, request: Request, digest: str) -> Holder:
        address = self._may_guess(request, digest)
        holder = await self._found(digest)
        if holder is None:
            self.guessed_wrong(address)
            raise _unauthorized("This key is not known.")
        if self._why_over(holder) is None:
            await self._note_use(holder.key)
        return holder

    async def _found(self, digest: str) -> Holder | None:
        forgotten = self._forgotten
        key = await self._keys.find(digest)
        if key is None:
            self._good.pop(digest, None)
            return None
        holder = Holder(key, None if key.is_operators else await self._tenants.get(key.tenant))
        if forgotten == self._forgotten:  # else it may be this one that was revoked, or its tenant closed, meanwhile
            self._remember(digest, holder)
        return holder

    def _remember(self, digest: str, holder: Holder) -> None:
        self._good[digest] = holder, self._clock_ns() + self._cache_ns
        self._good.move_to_end(digest)
        if len(self._good) > REMEMBERED_MAX:
            forgotten, _ = self._good.popitem(last=False)[1]
            self._used_ms.pop(forgotten.key.id, None)

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

    def _count(self, request: Request, key: ApiKey, tenant: Tenant | None) -> None:
        """By the key, and by its tenant, all of whose keys are counted together. Raises Problem: 429."""
        counts = []
        if (rate := self._limits.of(key, tenant)) is not None:
            counts.append(Count("key", key.id, rate, self._asked))
        if tenant is not None and (rate := self._limits.of_tenant(tenant)) is not None:
            counts.append(Count("tenant", tenant.id, rate, self._tenant_asked))
        if not counts:
            return
        now_ns = self._clock_ns()
        refused = counted(counts, now_ns)
        request.scope[HEADERS] = (
            (b"ratelimit-policy", b", ".join(one.policy() for one in counts)),
            (b"ratelimit", b", ".join(one.state(now_ns) for one in counts)),
        )
        if refused is not None:
            rule, rate, wait_ns = refused.rule, refused.rate, refused.wait_ns(now_ns)
            often = f"{S_NS // rate.interval_ns} times a second, {rate.burst} times at once"
            raise _too_many(f"{ASKERS[rule]} may ask {often}.", rule, wait_ns)


async def allowed(request: Request, *scopes: Scope) -> ApiKey:
    """The key that asks, if it has one of the scopes (`admin` has all). Raises Problem: 401, 403, 429."""
    key = await gate(request).who(request)
    mask_for(request.scope, key)
    return _with_scope(key, *scopes)


async def operator(request: Request, *scopes: Scope) -> ApiKey:
    """As allowed, of whoever runs the platform alone: a tenant's key gets 403, also one with the scope admin."""
    key = await gate(request).who(request)
    if not key.is_operators:
        raise Problem("forbidden", "This is the operator's alone; your key is a tenant's.")
    mask_for(request.scope, key)
    return _with_scope(key, *scopes)


def sent_digest(request: Request) -> str:
    """Of the key that was sent with it; "": none."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    secret = secret.strip()
    return digest_of(secret) if scheme.lower() == "bearer" and secret else ""


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


def _with_scope(key: ApiKey, *scopes: Scope) -> ApiKey:
    if not any(key.may(scope) for scope in scopes):
        wanted = " or ".join(dict.fromkeys((*scopes, "admin")))
        raise Problem("forbidden", f"This key may not do this; it needs the scope {wanted}.")
    return key


def _unauthorized(sentence: str) -> Problem:
    return Problem("unauthorized", sentence, headers={"WWW-Authenticate": "Bearer"})


def _too_many(sentence: str, rule: str, wait_ns: int) -> Problem:
    return Problem("too-many-requests", sentence, retry_after_s=whole_s(wait_ns), extra={"rule": rule})
