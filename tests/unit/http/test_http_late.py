"""The API of a starting process waits for the calls that are being taken up, but not for a PBX that stays away."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from ari_app.entrypoints.http import late
from ari_app.entrypoints.http.late import LateServer
from ari_app.entrypoints.http.listening import listen
from tests.unit.http.http_bench import Bench


async def is_alive(server: LateServer) -> bool:
    async with aiohttp.ClientSession() as client, client.get(server.url + "/healthz") as answer:
        return answer.status == 200


async def test_it_opens_once_the_calls_are_tended(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "OPEN_WITHIN_S", 60)
    server, tended = LateServer(api.doors, listen("127.0.0.1", 0)), asyncio.Event()

    async def until_tended() -> None:
        await tended.wait()

    running = asyncio.create_task(server.run(until_tended))
    with pytest.raises(aiohttp.ClientConnectorError):
        await is_alive(server)
    tended.set()
    await asyncio.wait_for(server.opened.wait(), 20)
    assert await is_alive(server)
    await leave(running)


async def test_it_opens_soon_where_nobody_comes_into_sight(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not ready must be able to say so."""
    monkeypatch.setattr(late, "OPEN_WITHIN_S", 0.1)
    server, never = LateServer(api.doors, listen("127.0.0.1", 0)), asyncio.Event()

    async def for_ever() -> None:
        await never.wait()

    began_s = time.monotonic()
    running = asyncio.create_task(server.run(for_ever))
    await asyncio.wait_for(server.opened.wait(), 20)
    assert time.monotonic() - began_s >= 0.1
    assert await is_alive(server)
    await leave(running)


async def leave(running: asyncio.Task[None]) -> None:
    running.cancel()
    await asyncio.wait({running})
