"""Click tokens: each lets one web page place one call, once, for a short while. What is kept of them; no page, no call.

The secret itself is never stored, only its hash, by which the token is found. That it was used is not written here: its
call is, under an id that follows from the token.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Protocol

PREFIX = "rbc_"
EXPIRES_IN_S, EXPIRES_IN_S_MAX = 600, 3_600
ORIGINS_MAX = 20


@dataclass(frozen=True, slots=True)
class ClickToken:
    """`id`: the hash. `owner`: whose Idempotency-Keys, and so whose call it is; `key`: the hash of the API key that
    made it, without which it is good no more. `caller`: "": the page says. `origins`: of pages; none: as the settings
    say."""

    id: str
    owner: str
    key: str
    tenant: str
    callee: str
    caller: str
    expires_at_ms: int
    max_duration_s: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    origins: tuple[str, ...] = ()
    private: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What an Idempotency-Key has got. `sealed`: the token's secret, readable for who has that key."""

    fingerprint: str
    sealed: str
    expires_at_ms: int


class ClickTokens(Protocol):
    """Every method may raise Unavailable; asking again is harmless."""

    async def remember(self, once: str, made: Made, keep_ms: int) -> Made:
        """Whatever was remembered first. `once`: a hash of owner and Idempotency-Key."""

    async def put(self, token: ClickToken, keep_ms: int) -> None:
        """One that is there stays as it is."""

    async def find(self, id: str) -> ClickToken | None: ...


def new_secret() -> str:
    """256 random bits."""
    return PREFIX + secrets.token_urlsafe(32)
