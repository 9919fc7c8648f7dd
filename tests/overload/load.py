"""Asks one app for calls at an even pace, whatever becomes of them, and keeps what it was answered. One process, one
event loop, kept connections: it must leave the machine to those that it loads."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import aiohttp

from tests.bench.sides import Attempt, now_us
from tests.ringbridge import Ringbridge

PATIENCE_S = 20
NUMBERS = 500


@dataclass(slots=True)
class Asked(Attempt):
    """One POST, and its answer. `status` 0: none came."""

    status: int = 0
    took_ms: float = 0.0
    retry_after: str | None = None
    why: str = ""


@dataclass
class Load:
    """`pairs`: whom to call for whom: a user, his number, and the number called."""

    app: Ringbridge
    pairs: Iterator[tuple[str, str, str]]
    asked: list[Asked] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self.app.key}"}, connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=PATIENCE_S),
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def at(self, rate_per_s: float, for_s: float) -> list[Asked]:
        """All that was asked for, answered. The pace does not wait for answers."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        made: list[asyncio.Task[Asked]] = []
        for n in range(max(1, round(rate_per_s * for_s))):
            ahead_s = began_s + n / rate_per_s - loop.time()
            if ahead_s > 0:
                await asyncio.sleep(ahead_s)
            made.append(asyncio.create_task(self.one()))
        return await asyncio.gather(*made)

    async def one(self) -> Asked:
        user, caller, callee = next(self.pairs)
        one = Asked(0, caller, callee, now_us())
        self.asked.append(one)
        try:
            async with self._http.post(f"{self.app.api}/v1/calls", json={"caller": user, "callee": callee}) as answer:
                said = await answer.json(content_type=None)
                one.status, one.retry_after = answer.status, answer.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError) as e:
            one.failure = repr(e)
        else:
            one.id = said.get("id", "")
            if one.status != 201:
                one.why = said.get("type", "")
                one.failure = f"{one.status} {one.why}"
        one.took_ms = (now_us() - one.asked_at_us) / 1000
        return one


def pairs(users: int, caller: str, callee: str) -> Iterator[tuple[str, str, str]]:
    """The last two digits of their phones. Numbers come round again: of 10,000 the app remembers how they are read."""
    for n in itertools.count():
        yield user_name(n % users), user_number(n % users, caller), f"+86139{n % NUMBERS:06d}{callee}"


def user_name(n: int) -> str:
    return f"overload-{n}"


def user_number(n: int, phone: str) -> str:
    return f"+86139{500_000 + n:06d}{phone}"
