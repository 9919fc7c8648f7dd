"""The Tapes port over HTTP: what each PBX has recorded and keeps, asked of all of them, whoever owns which.

Plain HTTP beside the link: a file of many megabytes would keep the events waiting. Knows nothing of calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import aiohttp
import structlog

from ari_app.adapters.ari.http import reason_of
from ari_app.domain.errors import Unavailable
from ari_app.ports.tapes import Tape

log = structlog.get_logger()

CHUNK = 65_536
FAULTS = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Keeper:
    """A PBX: `url` as the link has it."""

    name: str
    url: str
    user: str
    password: str = field(repr=False)


class StoredTapes:
    def __init__(self, keepers: Sequence[Keeper], timeout_ms: int) -> None:
        self._keepers = keepers
        self._timeout = aiohttp.ClientTimeout(total=None, connect=timeout_ms / 1000, sock_read=timeout_ms / 1000)

    async def fetch(self, file: str) -> Tape | Literal["running"] | None:
        for keeper in self._keepers:
            if await self._status(keeper, "GET", f"recordings/live/{file}") == HTTPStatus.OK:
                return "running"
        away: list[str] = []
        for keeper in self._keepers:
            opened = asyncio.get_running_loop().create_future()
            chunks = self._chunks(keeper, file, opened)
            try:
                first = await anext(chunks, b"")
            except Unavailable as e:
                away.append(str(e))
                continue
            if opened.result() is not None:
                return Tape(opened.result()[0], _beginning_with(first, chunks))
        if away:
            raise Unavailable(f"recordings cannot be looked for everywhere: {'; '.join(away)}")
        return None

    async def delete(self, file: str) -> bool:
        said = [await self._status(keeper, "DELETE", f"recordings/stored/{file}") for keeper in self._keepers]
        is_gone = HTTPStatus.NO_CONTENT in said
        if not is_gone and None in said:
            raise Unavailable("a PBX that may have this recording does not answer")
        return is_gone

    async def files(self) -> Sequence[str]:
        found: list[str] = []
        for keeper in self._keepers:
            try:
                async with self._asking(keeper, "GET", "recordings/stored") as answer:
                    answer.raise_for_status()
                    found += [str(one["name"]) for one in await answer.json()]
            except FAULTS as e:
                log.debug("recordings not looked through", node=keeper.name, why=reason_of(e))
        return found

    async def _chunks(
        self, keeper: Keeper, file: str, opened: asyncio.Future[tuple[int | None] | None]
    ) -> AsyncIterator[bytes]:
        """`opened`: its size, as soon as that is known; or None: it is not there."""
        try:
            async with self._asking(keeper, "GET", f"recordings/stored/{file}/file") as answer:
                is_there = answer.status == HTTPStatus.OK
                opened.set_result((answer.content_length,) if is_there else None)
                if is_there:
                    async for chunk in answer.content.iter_chunked(CHUNK):
                        yield chunk
                elif answer.status != HTTPStatus.NOT_FOUND:
                    raise Unavailable(f"{keeper.name}: HTTP {answer.status}")
        except FAULTS as e:
            raise Unavailable(f"{keeper.name}: {reason_of(e)}") from None

    async def _status(self, keeper: Keeper, method: str, path: str) -> int | None:
        """None: it does not answer."""
        try:
            async with self._asking(keeper, method, path) as answer:
                return answer.status
        except FAULTS as e:
            log.warning("a PBX was not asked for a recording", node=keeper.name, why=reason_of(e))
            return None

    @asynccontextmanager
    async def _asking(self, keeper: Keeper, method: str, path: str) -> AsyncIterator[aiohttp.ClientResponse]:
        base = keeper.url.rstrip("/")
        url = f"{base if base.endswith('/ari') else base + '/ari'}/{path}"
        who = {"Authorization": aiohttp.encode_basic_auth(keeper.user, keeper.password)}
        async with (
            aiohttp.ClientSession(timeout=self._timeout) as session,
            session.request(method, url, headers=who) as answer,
        ):
            yield answer


async def _beginning_with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
