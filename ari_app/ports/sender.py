"""How one event reaches its receiver: a POST over HTTP. Knows addresses and answers; must not know what is sent or why.

Receivers are named by strangers: what can be reached inside is not for them (see `inner`), however it is written, and
whatever its name resolves to or an answer redirects to.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` None: there was none, and `why` says why, in a few words for the developer: `timeout`, `refused`,
    `reset`, `tls: …`, `no such host`, `inner address`, `too many redirects`, `too long`."""

    status: int | None
    why: str = ""
    took_ms: int = 0
    retry_after_s: int | None = None

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Sender(Protocol):
    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Never raises but for cancellation."""

    async def close(self) -> None: ...
