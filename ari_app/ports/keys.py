"""API keys: what a holder may do. The secret itself is never stored, only its hash.

A key has 256 random bits, so that one round of SHA-256 is enough and cheap to check on every request.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol

from ari_app.domain.tenants import OPERATOR

Scope = Literal["call", "read", "admin"]
SCOPES: tuple[Scope, ...] = ("call", "read", "admin")
PREFIX = "rb_"
KEYS_MAX = 1_000
FIRST = "first"
"""The name of the operator's own key, which every start sees to."""


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

    @property
    def owner(self) -> str:
        """Whose Idempotency-Keys its requests are: a key that replaces another one goes on with those."""
        return self.line or self.id

    @property
    def is_operators(self) -> bool:
        return self.tenant == OPERATOR

    def is_over(self, now_ms: int) -> bool:
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class Keys(Protocol):
    """Every method may raise the store's own error for an I/O fault."""

    async def add(self, digest: str, key: ApiKey) -> None: ...

    async def find(self, digest: str) -> ApiKey | None: ...

    async def all(self) -> list[ApiKey]:
        """Oldest first."""

    async def delete(self, key_id: str) -> bool:
        """False: there was none."""

    async def note_use(self, key_id: str, at_ms: int) -> None: ...

    async def uses_ms(self) -> Mapping[str, int]:
        """Key id → when it was last noted as used; of a key that was never used, nothing."""


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def id_of(digest: str) -> str:
    return digest[:12]


def described(
    secret: str, name: str, scopes: tuple[Scope, ...], at_ms: int, expires_at_ms: int | None = None
) -> tuple[str, ApiKey]:
    """(digest, key) as the store wants them."""
    digest = digest_of(secret)
    return digest, ApiKey(id_of(digest), name, scopes, at_ms, expires_at_ms)
