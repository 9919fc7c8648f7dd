"""Health, readiness, metrics, the API's description, its pages, and the server in this process."""

import asyncio
import json
import re
import signal
import socket
from dataclasses import replace

import aiohttp
import pytest

from ari_app.entrypoints.http.app import build, routes
from ari_app.entrypoints.http.connection import HEAD_MAX
from ari_app.entrypoints.http.doors import Part
from ari_app.entrypoints.http.listening import PortTaken, listen
from ari_app.entrypoints.http.server import Server, serve_http
from tests.support import until
from tests.unit.http.http_bench import Bench


async def test_ready_says_which_part_is_not_and_why(api: Bench) -> None:
    good = await api.ask("GET", "/readyz", key=None)
    assert (good.status, good.json["ready"]) == (200, True)
    assert [part["name"] for part in good.json["parts"]] == ["asterisk", "redis", "trunk"]
    api.parts[1] = Part("redis", False, "does not answer")
    bad = await api.ask("GET", "/readyz", key=None)
    assert (bad.status, bad.problem["type"], bad.problem["ready"]) == (503, "not-ready", False)
    assert bad.problem["detail"] == "redis: does not answer."
    assert [part["name"] for part in bad.problem["parts"] if not part["ok"]] == ["redis"]
    assert bad.headers["retry-after"] == "2"
    assert (await api.ask("GET", "/healthz", key=None)).json == {"alive": True}


async def test_metrics_hold_the_programs_and_the_apis_own_by_route_not_by_path(api: Bench) -> None:
    await api.ask("GET", "/v1/calls/c1")
    await api.ask("GET", "/no/such/path")
    text = (await api.ask("GET", "/metrics", key=None)).raw.decode()
    assert "ringbridge_x 1\n" in text
    assert 'ringbridge_http_requests_total{method="GET",route="/v1/calls/{call_id}",status="404"} 1.0' in text
    assert "/no/such/path" not in text
    assert "c1" not in text


async def test_the_description_is_openapi_3_1_and_knows_every_route(api: Bench) -> None:
    openapi = (await api.ask("GET", "/openapi.json", key=None)).json
    assert openapi["openapi"].startswith("3.1")
    told = {(method.upper(), path) for path, operations in openapi["paths"].items() for method in operations}
    hidden = {("GET", path) for path in ("/", "/docs", "/metrics", "/click", "/click.js")}
    assert told == set(routes()) - hidden
    shapes = openapi["components"]["schemas"]
    asked = set(re.findall(r'"#/components/schemas/(\w+)"', (await api.ask("GET", "/openapi.json")).raw.decode()))
    assert asked <= shapes.keys()
    assert set(shapes["PlaceCall"]["required"]) == {"caller", "callee"}
    assert shapes["PlaceCall"]["additionalProperties"] is False
    ids = [one["operationId"] for path in openapi["paths"].values() for one in path.values()]
    assert len(ids) == len(set(ids)), "each operation has a name of its own"
    of_a_post, of_private_ones = {"capacity", "minutes_left_s"}, {"private", "forgotten"}
    optional = {"reason", "message", "hung_up_by", "talking_at", "ended_at", "recordings"} | of_a_post | of_private_ones
    assert shapes["Call"]["properties"].keys() - set(shapes["Call"]["required"]) == optional
    place = openapi["paths"]["/v1/calls"]["post"]
    assert place["security"] == [{"key": []}]
    assert {"201", "400", "402", "403", "409", "422", "429", "503"} <= place["responses"].keys()
    assert [p["name"] for p in place["parameters"]] == ["Idempotency-Key"]


@pytest.mark.parametrize("path", ["/", "/docs"])
async def test_the_pages_load_nothing_from_elsewhere(api: Bench, path: str) -> None:
    page = await api.ask("GET", path, key=None)
    assert page.status == 200
    assert page.headers["content-type"].startswith("text/html")
    assert b"://" not in page.raw
    assert b"openapi.json" in page.raw


async def test_the_server_answers_in_this_process_and_stops_when_told(api: Bench) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = Server(api.front, listen("127.0.0.1", 0))
    running = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(PortTaken, match="RINGBRIDGE_HTTP_PORT"):
        listen("127.0.0.1", int(server.url.rpartition(":")[2]))
    async with aiohttp.ClientSession() as client:
        async with client.get(server.url + "/healthz") as answer:
            assert (answer.status, await answer.json()) == (200, {"alive": True})
        async with client.post(server.url + "/v1/calls", data=b"x" * 5_000) as answer:
            assert answer.status == 401
        headers = {"Authorization": "Bearer rb_root", "Content-Type": "application/json"}
        async with client.post(server.url + "/v1/calls", data=b"x" * 5_000, headers=headers) as answer:
            assert answer.status == 413
    server.stop()
    await asyncio.wait_for(running, 5)


async def test_more_connections_than_allowed_are_told_so(api: Bench) -> None:
    server = Server(api.front, listen("127.0.0.1", 0))
    running = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    port = int(server.url.rpartition(":")[2])
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(10)]
    await until(lambda: api.front.connections() == 10)
    async with aiohttp.ClientSession() as client, client.get(server.url + "/healthz") as answer:
        assert answer.status == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
    for one in held:
        one.close()
    server.stop()
    await asyncio.wait_for(running, 5)


async def test_a_request_that_is_being_answered_is_finished_though_the_server_is_told_to_end(api: Bench) -> None:
    going_on, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> list[Part]:
        going_on.set()
        await may_go_on.wait()
        return [Part("all", True)]

    sock = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{sock.getsockname()[1]}/readyz"
    serving = asyncio.create_task(serve_http(replace(api.doors, parts=slow), sock))

    async def status() -> int:
        try:
            async with aiohttp.ClientSession() as client, client.get(url) as answer:
                return answer.status
        except aiohttp.ClientConnectorError:
            return 0  # it does not listen yet

    asking: asyncio.Task[int] = asyncio.create_task(until(status))
    await going_on.wait()
    serving.cancel()
    await asyncio.sleep(0)
    may_go_on.set()
    assert await asking == 200
    with pytest.raises(asyncio.CancelledError):
        await serving


@pytest.mark.parametrize(
    "begins",
    [
        b"GET /",
        b"GET /healthz HTTP/1.1\r\nX-Long: ",
        b"POST /v1/calls HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Long: ",
    ],
    ids=["path", "header", "trailer"],
)
async def test_a_head_without_end_is_cut_off(api: Bench, begins: bytes) -> None:
    server = Server(api.front, listen("127.0.0.1", 0))
    running = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.url.rpartition(":")[2]))
    writer.write(begins)
    sent = 0

    def cut_off() -> bool:
        nonlocal sent
        writer.write(b"x" * 1_024)
        sent += 1_024
        return reader.at_eof() or reader.exception() is not None

    await until(cut_off, every_s=0.002)
    assert sent >= HEAD_MAX
    writer.close()
    server.stop()
    await asyncio.wait_for(running, 5)


async def test_bodies_do_not_count_as_heads(api: Bench) -> None:
    """Neither one long body nor many short ones over one connection."""
    server = Server(build(replace(api.doors, body_max=40 * HEAD_MAX)), listen("127.0.0.1", 0))
    running = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    short = json.dumps({"caller": "demo", "callee": "+8613900000004"}).encode()
    headers = {"Authorization": "Bearer rb_root", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1), headers=headers) as client:
        for body in (short.ljust(40 * HEAD_MAX), *([short] * (HEAD_MAX // 200))):
            async with client.post(server.url + "/v1/calls", data=body) as answer:
                assert answer.status == 201
    server.stop()
    await asyncio.wait_for(running, 5)
