"""Peers that are slow by malice: heads byte by byte, bodies that stop half way, answers that nobody takes.

On a real socket: they are cut off in time, cost nobody else a second, and one address never has all the connections.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.connection import ConnectionLimits, Peers
from ari_app.entrypoints.http.listening import listen
from ari_app.entrypoints.http.server import Server
from tests.support import until
from tests.unit.http.http_bench import Bench

TIMEOUT_MS = 700
HONEST, MALICIOUS = "127.0.0.1", "127.0.0.2"
HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
BODY = b"POST /v1/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer rb_root\r\nContent-Type: application/json\r\n"


LINGER_S = 1  # at most, in these tests


class House:
    def __init__(self, server: Server, api: Bench) -> None:
        self.server = server
        self.port = int(server.url.rpartition(":")[2])
        self.api = api

    async def peer(self, address: str = MALICIOUS) -> Peer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        return Peer(reader, writer)

    async def honest(self) -> float:
        """How long an honest request takes, over a connection of its own."""
        began = time.monotonic()
        connector = aiohttp.TCPConnector(local_addr=(HONEST, 0))
        url = f"{self.server.url}/healthz"
        async with aiohttp.ClientSession(connector=connector) as client, client.get(url) as answer:
            assert (answer.status, await answer.json()) == (200, {"alive": True})
        return time.monotonic() - began

    def ended(self, why: str) -> int:
        text = self.front.metrics.text().decode()
        line = next(line for line in text.splitlines() if line.startswith("ringbridge_http_connections_ended_total{"
                                                                          f'why="{why}"'))  # fmt: skip
        return int(float(line.split()[1]))

    @property
    def front(self) -> Any:
        return self.server._uvicorn.config.app


class Peer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def drip(self, data: bytes, every_s: float = 0.05) -> None:
        """Byte by byte, for as long as it is let."""
        with suppress(ConnectionError):
            for n in range(len(data)):
                self.writer.write(data[n : n + 1])
                await self.writer.drain()
                await asyncio.sleep(every_s)

    async def said(self, within_s: float = 5) -> bytes:
        """All that it is told until its connection is closed."""
        async with asyncio.timeout(within_s):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def serving(api: Bench, **limits: int) -> AsyncIterator[House]:
    doors = replace(api.doors, **{"request_timeout_ms": TIMEOUT_MS, "connections_max": 100, **limits})  # type: ignore[arg-type]
    server = Server(build(doors), listen("127.0.0.1", 0))
    running = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    try:
        yield House(server, api)
    finally:
        server.stop()
        await asyncio.wait_for(running, 10)


async def test_who_sends_a_head_byte_by_byte_is_told_and_cut_off(api: Bench) -> None:
    async with serving(api) as house:
        peers = [await house.peer() for _ in range(30)]
        began = time.monotonic()
        dripping = [asyncio.create_task(peer.drip(HEAD + b"X: " + b"y" * 200)) for peer in peers]
        assert await house.honest() < 1
        for peer in peers:
            said = await peer.said()
            assert said.startswith(b"HTTP/1.1 408 ")
            assert b"application/problem+json" in said
            assert b'"type":"request-timeout"' in said
        assert time.monotonic() - began < 10, "all at once, and not one after the other"
        assert house.ended("late") == len(peers)
        await asyncio.gather(*dripping)
        await until(lambda: house.front.connections() == 0)


async def test_who_says_nothing_at_all_is_cut_off_without_a_word(api: Bench) -> None:
    async with serving(api) as house:
        peer = await house.peer()
        assert await peer.said() == b""
        assert house.ended("late") == 1


@pytest.mark.parametrize(
    "begins",
    [
        BODY + b"Content-Length: 50\r\n\r\n{",
        BODY + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{",
        BODY + b"Content-Length: 50\r\nExpect: 100-continue\r\n\r\n",
    ],
    ids=["length", "chunked", "continue"],
)
async def test_a_body_that_stops_half_way_is_no_fault_of_ours(api: Bench, begins: bytes) -> None:
    async with serving(api) as house:
        with capture_logs() as logs:
            peer = await house.peer()
            peer.writer.write(begins)
            assert b"HTTP/1.1 408 " in await peer.said()
            await until(lambda: not house.server._uvicorn.server_state.tasks)
        assert [line for line in logs if line["log_level"] in ("error", "critical")] == []
        assert api.service.asked == []
        assert house.ended("late") == 1


async def test_who_hangs_up_in_the_midst_of_a_body_is_no_fault_of_ours(api: Bench) -> None:
    async with serving(api) as house:
        with capture_logs() as logs:
            peer = await house.peer()
            peer.writer.write(BODY + b"Content-Length: 50\r\n\r\n{")
            await until(lambda: bool(house.server._uvicorn.server_state.tasks))
            peer.writer.transport.abort()
            await until(lambda: not house.server._uvicorn.server_state.tasks)
        assert [line for line in logs if line["log_level"] in ("error", "critical")] == []


async def test_an_idle_connection_that_has_asked_before_may_wait_longer_than_a_request(api: Bench) -> None:
    """A pool of a client keeps its connections: only a request that was begun is waited for so short a time."""
    async with serving(api) as house:
        peer = await house.peer()
        for _ in range(2):
            peer.writer.write(HEAD + b"\r\n")
            assert (await peer.reader.readuntil(b"true}")).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(TimeoutError):
                await peer.said(within_s=1.2 * TIMEOUT_MS / 1000)
        assert house.ended("late") == 0
        peer.writer.write(HEAD)
        assert (await peer.said()).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("pieces", [1, 10])
@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["keeps", "closes"])
async def test_who_does_not_take_his_answer_is_cut_off(api: Bench, pieces: int, more: bytes) -> None:
    async with serving(api) as house:
        front, piece = house.front, b"x" * (16_000_000 // pieces)

        async def long_answer(scope: Any, receive: Any, send: Any) -> None:
            length = [(b"content-length", str(len(piece) * pieces).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": length})
            for n in range(pieces):
                await send({"type": "http.response.body", "body": piece, "more_body": n < pieces - 1})

        front.app = long_answer
        peer = await house.peer()
        peer.writer.write(HEAD + more + b"\r\n")
        await until(lambda: front.connections() == 1)
        await until(lambda: front.connections() == 0, within_s=LINGER_S + 10 * TIMEOUT_MS / 1000)


async def test_one_address_cannot_have_all_the_connections(api: Bench) -> None:
    """However often it comes again, there is room for others, and it is told why there is none for it."""
    async with serving(api, connections_max=20, address_connections_max=10) as house:
        held = [await house.peer() for _ in range(30)]
        refused = await asyncio.gather(*(peer.said(LINGER_S + 5) for peer in held[10:]))
        assert all(said.startswith(b"HTTP/1.1 503 ") and b'"no-capacity"' in said for said in refused)
        assert house.ended("crowded") == 20
        began, slowest_s = time.monotonic(), 0.0
        while time.monotonic() - began < 3 * TIMEOUT_MS / 1000:  # the storm goes on through several time-outs
            held += [await house.peer() for _ in range(10)]
            assert house.front.connections() <= 11
            slowest_s = max(slowest_s, await house.honest())
        assert slowest_s < 1
        for peer in held:
            peer.writer.transport.abort()
        await until(lambda: house.front.connections() == 0)


async def test_a_reverse_proxy_is_many_people(api: Bench) -> None:
    limits: Any = replace(api.doors.limits, proxies=(HONEST,))
    # so that none of them has been cut off by the time that all are there
    async with serving(
        api, connections_max=20, address_connections_max=5, limits=limits, request_timeout_ms=3_000
    ) as house:
        held = [await house.peer(HONEST) for _ in range(15)]
        assert await house.honest() < 1
        assert house.ended("crowded") == 0
        assert house.front.connections() >= len(held)


NO_HTTP = {
    "nul": b"\0" * 10,
    "tls": b"\x16\x03\x01\x02\x00\x01\x00",
    "short": b"GET\r\n\r\n",
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "negative": BODY + b"Content-Length: -1\r\n\r\n",
    "smuggled": HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "header": HEAD + b"A\0: b\r\n\r\n",
}


@pytest.mark.parametrize("raw", NO_HTTP.values(), ids=NO_HTTP)
async def test_what_is_no_http_is_a_problem_too_and_no_line_of_the_log(
    api: Bench, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(api) as house:
        peer = await house.peer()
        peer.writer.write(raw)
        said = await peer.said()
        assert said.startswith(b"HTTP/1.1 400 "), said
        assert b'"type":"malformed-http"' in said
        assert house.ended("malformed") == 1
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_more_than_all_connections_are_refused_and_those_that_are_there_are_served(api: Bench) -> None:
    async with serving(api, connections_max=5, address_connections_max=0, request_timeout_ms=3_000) as house:
        first, *_ = [await house.peer(HONEST) for _ in range(5)]
        late = await house.peer(HONEST)
        assert (await late.said()).startswith(b"HTTP/1.1 503 ")
        first.writer.write(HEAD + b"\r\n")
        assert (await first.reader.readuntil(b"true}")).startswith(b"HTTP/1.1 200 ")


def test_the_honest_and_the_malicious_are_two_addresses_of_one_machine() -> None:
    with socket.socket() as one:
        one.bind((MALICIOUS, 0))


@pytest.mark.parametrize(
    ("address", "other", "is_one"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),  # a network is as much as one customer has
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_who_counts_as_one_address(address: str, other: str, is_one: bool) -> None:
    peers = Peers(ConnectionLimits(address_max=1), lambda why: None)
    assert peers.enter(address)
    assert peers.enter(other) is not is_one
    peers.leave(address)
    assert peers.enter(address)
