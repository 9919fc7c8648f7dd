"""API keys: what a holder may do. The secret itself is never stored, only its hash.

A key has 256 random bits, so that one round of SHA-256 is enough and cheap to check on every request.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

from ari_app.domain.tenants import OPERATOR

Scope = Literal["call", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("call", "read", "admin")
PREFIX = "rb_"
KEYS_MAX = 1_000
"""Of the operator's own."""
TENANT_KEYS_MAX = 100
"""Of one tenant: what one partner makes leaves the others theirs."""
FIRST = "first"
"""The name of the operator's own key, which every start sees to."""
OVERLAP_S, OVERLAP_S_MAX = 86_400, 30 * 86_400
"""So long a key that was replaced goes on, unless it was said; and at most."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    id: str  # the beginning of the hash: names the key without giving it away
    name: str
    scopes: tuple[Scope, ...]
    created_at_ms: int
    expires_at_ms: int | None = None  # None: never
    tenant: str = OPERATOR
    """Whose it is: it reaches what is this tenant's alone. OPERATOR: everything."""
    line: str = ""
    """The id of the first key of its line, where it replaced another one; "": its own."""
    replaced_by: str = ""
    """The id of the key that came after it; "": it is the last of its line."""
    retires_at_ms: int | None = None
    """Until then one that was replaced goes on."""

    @property
    def owner(self) -> str:
        """Whose Idempotency-Keys its requests are: a key that replaces another one goes on with those."""
        return self.line or self.id

    @property
    def is_operators(self) -> bool:
        return self.tenant == OPERATOR

    @property
    def is_operators_word(self) -> bool:
        """Whether what it says counts as the operator's own word: a tenant's admin key is not the operator."""
        return self.is_operators and self.may("admin")

    @property
    def ends_at_ms(self) -> int | None:
        """None: never."""
        told = [at_ms for at_ms in (self.expires_at_ms, self.retires_at_ms) if at_ms is not None]
        return min(told, default=None)

    def is_over(self, now_ms: int) -> bool:
        return (ends_ms := self.ends_at_ms) is not None and ends_ms <= now_ms

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


Rotated = Literal["done", "used", "changed", "ended"]


class Keys(Protocol):
    """Every method may raise the store's own error for an I/O fault."""

    async def add(self, digest: str, key: ApiKey, most: int | None = None) -> bool:
        """False: its tenant has `most` already, and it was not added."""

    async def find(self, digest: str) -> ApiKey | None: ...

    async def all(self) -> list[ApiKey]:
        """Oldest first."""

    async def of(self, tenant: str) -> list[ApiKey]:
        """Its own alone, oldest first."""

    async def delete(self, key: ApiKey) -> bool:
        """False: it was gone."""

    async def rotate(self, old: ApiKey, retired: ApiKey, digest: str, new: ApiKey, *, is_over: bool) -> Rotated:
        """In one step: `new` is there, `retired` stands in the place of `old`, and the key by which `old` had been
        replaced is gone. `used`: that one was used, or replaced itself, and nothing was done. `changed`: `old` was
        revoked or rotated since it was read, and nothing was done. `ended`: `old` `is_over`, and there is no unused key
        by which it was replaced, the answer about which may have been lost; nothing was done."""

    async def note_use(self, key_id: str, at_ms: int) -> None: ...

    async def uses_ms(self, key_ids: Sequence[str]) -> Mapping[str, int]:
        """Key id → when it was last noted as used; of a key that was never used, nothing."""


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def id_of(digest: str) -> str:
    return digest[:12]


def described(
    secret: str, name: str, scopes: tuple[Scope, ...], at_ms: int, expires_at_ms: int | None = None,
    tenant: str = OPERATOR, line: str = "",
) -> tuple[str, ApiKey]:  # fmt: skip
    """(digest, key) as the store wants them."""
    digest = digest_of(secret)
    return digest, ApiKey(id_of(digest), name, scopes, at_ms, expires_at_ms, tenant, line)
