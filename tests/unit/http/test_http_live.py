"""Live events over HTTP: what a stream tells, from where it goes on, whose it is, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from ari_app.client.live import Message, Reader
from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.event_stream import MEDIA_TYPE
from ari_app.entrypoints.http.listening import listen
from ari_app.entrypoints.http.server import Server
from ari_app.entrypoints.http.streams import StreamLimits
from ari_app.ports.keys import described
from ari_app.ports.tenants import Tenant
from tests.support import until
from tests.unit.http.http_bench import Bench, a_call

SSE = {"Accept": MEDIA_TYPE}
HEARTBEAT_S = 0.2


class Ear:
    """One client that reads a stream, as an EventSource does."""

    def __init__(self, answer: aiohttp.ClientResponse, last_id: str = "") -> None:
        self.answer = answer
        self.got: list[Message] = []
        self.has_ended = False
        self._reader = Reader(last_id)
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for line in self.answer.content:
            if (message := self._reader.feed(line.decode().rstrip("\n"))) is not None and message.data:
                self.got.append(message)
        self.has_ended = True

    @property
    def last_id(self) -> str:
        return self._reader.last_id

    @property
    def names(self) -> list[str]:
        return [one.event for one in self.got]

    async def hears(self, *names: str) -> None:
        await until(lambda: self.names[: len(names)] == list(names), what=f"{names}; got {self.names}")

    async def leave(self) -> None:
        self.reading.cancel()
        self.answer.close()
        with suppress(asyncio.CancelledError):
            await self.reading


class House:
    def __init__(self, api: Bench, server: Server, client: aiohttp.ClientSession) -> None:
        self.api, self.server, self.client = api, server, client

    async def ask(self, path: str, key: str = "root", **headers: str) -> aiohttp.ClientResponse:
        sent = {"Authorization": f"Bearer rb_{key}"} | SSE | {n.replace("_", "-"): v for n, v in headers.items()}
        return await self.client.get(self.server.url + path, headers=sent)

    async def listen(self, path: str, key: str = "root", last_id: str = "") -> Ear:
        answer = await self.ask(path, key, **({"Last_Event_ID": last_id} if last_id else {}))
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, MEDIA_TYPE)
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
        return Ear(answer, last_id)

    async def happens(self, call_id: str, *states: str, tenant: str = "", publish: bool = True) -> None:
        """To a call that is there, or begins with the first of them."""
        stored = await self.api.calls.load(call_id)
        if stored is None:
            await self.api.store(a_call(call_id), *states)
        else:
            told = [_event(call_id, state) for state in states]
            await self.api.calls.save(call_id, stored.version, stored.record, told, 0)
        if publish:
            await self.api.feed.publish(call_id, tenant=tenant)


def _event(call_id: str, state: str) -> bytes:
    more = {"reason": "completed", "hung_up_by": "callee"} if state == "ended" else {}
    return json.dumps({"call": call_id, "type": "callback", "state": state, "at_ms": 1_795_422_792_123} | more).encode()


@asynccontextmanager
async def a_house(api: Bench, **limits: Any) -> AsyncIterator[House]:
    api.doors = replace(
        api.doors, streams=StreamLimits(heartbeat_s=HEARTBEAT_S, **limits), connections_max=500,
        address_connections_max=0, request_timeout_ms=700,
    )  # fmt: skip
    sock = listen("127.0.0.1", 0)
    server, looking = Server(build(api.doors), sock), asyncio.create_task(api.watching.run())
    serving = asyncio.create_task(server.run())
    await until(lambda: server.is_listening)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        try:
            yield House(api, server, client)
        finally:
            server.stop()
            looking.cancel()
            await serving


@pytest.fixture
async def house(api: Bench) -> AsyncIterator[House]:
    async with a_house(api) as house:
        yield house


@pytest.fixture
async def partners(house: House) -> House:
    """Two tenants, each with a key."""
    for name in ("acme", "other"):
        await house.api.tenants.put(Tenant(name, name.title(), 1))
        digest, key = described(f"rb_{name}", name, ("read",), 1)
        await house.api.keys.add(digest, replace(key, tenant=name))
    return house


# ---- one call -------------------------------------------------------------------------------------------------------


async def test_a_calls_stream_tells_all_so_far_then_what_comes_and_ends_with_the_call(house: House) -> None:
    await house.happens("c1", "queued", "caller_dialling")
    ear = await house.listen("/v1/calls/c1/events")
    await ear.hears("call.queued", "call.caller_dialling")
    await house.happens("c1", "talking")
    await ear.hears("call.queued", "call.caller_dialling", "call.talking")
    await house.happens("c1", "ended")
    await until(lambda: ear.has_ended)
    assert [one.id for one in ear.got] == ["1", "2", "3", "4", "4"]
    assert ear.names[-2:] == ["call.ended", "end"]
    told = json.loads(ear.got[2].data)
    assert (told["type"], told["data"]["state"], told["data"]["seq"]) == ("call.talking", "talking", 3)
    assert told["id"].startswith("evt_c1_3")


async def test_a_browser_that_opens_it_again_gets_the_rest_and_at_the_end_is_told_to_stay_away(house: House) -> None:
    await house.happens("c1", "queued", "talking")
    ear = await house.listen("/v1/calls/c1/events")
    await ear.hears("call.queued", "call.talking")
    await ear.leave()
    await house.happens("c1", "ending", "ended")
    again = await house.listen("/v1/calls/c1/events?after=1", last_id=ear.last_id)
    await until(lambda: again.has_ended)
    assert again.names == ["call.ending", "call.ended", "end"]
    for path, last in (
        ("/v1/calls/c1/events", "4"),
        ("/v1/calls/c1/events?after=4", ""),
        ("/v1/calls/c1/events", "99"),
    ):
        answer = await house.ask(path, **({"Last_Event_ID": last} if last else {}))
        assert answer.status == 204


async def test_what_the_feed_does_not_tell_is_found_in_the_calls_own_list(house: House) -> None:
    await house.happens("c1", "queued")
    ear = await house.listen("/v1/calls/c1/events")
    await ear.hears("call.queued")
    await house.happens("c1", "talking", "ended", publish=False)  # nobody relays
    await until(lambda: ear.has_ended)
    assert ear.names == ["call.queued", "call.talking", "call.ended", "end"]


async def test_of_no_call_there_is_no_stream(partners: House) -> None:
    assert (await partners.ask("/v1/calls/c404/events")).status == 404
    await partners.happens("c1", "queued")
    assert (await partners.ask("/v1/calls/c1/events", key="acme")).status == 404


# ---- everything -----------------------------------------------------------------------------------------------------


async def test_the_stream_of_all_begins_now_and_goes_on_where_it_was_left(house: House) -> None:
    await house.happens("c0", "queued")
    ear = await house.listen("/v1/events")
    await house.happens("c1", "queued", "talking")
    await ear.hears("call.queued", "call.talking")
    assert "c0" not in ear.got[0].data
    await ear.leave()
    await house.happens("c2", "queued")
    await house.happens("c1", "ended")
    again = await house.listen("/v1/events", last_id=ear.last_id)
    await again.hears("call.queued", "call.ended")
    await house.happens("c2", "ended")
    await again.hears("call.queued", "call.ended", "call.ended")
    assert len({json.loads(one.data)["id"] for one in ear.got + again.got}) == 5
    lost = await house.ask("/v1/events", Last_Event_ID="yesterday")
    assert (lost.status, (await lost.json(content_type=None))["field"]) == (422, "Last-Event-ID")


async def test_each_tenant_is_told_of_its_own_and_the_operator_of_all(partners: House) -> None:
    ears = {key: await partners.listen("/v1/events", key) for key in ("acme", "other", "root")}
    await partners.happens("c1", "queued", tenant="acme")
    await partners.happens("c2", "queued", tenant="other")
    await partners.happens("c3", "queued")
    await ears["root"].hears("call.queued", "call.queued", "call.queued")
    await ears["other"].hears("call.queued")
    assert [[json.loads(one.data)["data"]["call"] for one in ears[key].got] for key in ("acme", "other", "root")] == [
        ["c1"], ["c2"], ["c1", "c2", "c3"],
    ]  # fmt: skip


async def test_a_filter_passes_what_it_names_and_the_place_goes_on_all_the_same(house: House) -> None:
    ear = await house.listen("/v1/events?types=call.ended,notice.*")
    await house.happens("c1", "queued", "talking", "ended")
    await ear.hears("call.ended")
    await house.happens("c2", "queued", "talking")
    await until(lambda: ear.last_id == "5", what="a heartbeat with the place")
    assert ear.names == ["call.ended"]
    answer = await house.api.ask("GET", "/v1/events?types=call.ended,shop.sold")
    assert (answer.status, answer.problem["field"]) == (422, "types")


async def test_what_is_not_kept_any_more_is_told_as_a_gap(house: House) -> None:
    await house.happens("c1", "queued", "talking", "ended")
    house.api.feed.kept = 1
    ear = await house.listen("/v1/events", last_id="1")
    await ear.hears("gap", "call.ended")
    answer = await house.api.ask("GET", "/v1/events?after=1")
    assert (answer.json["gap"], [one["type"] for one in answer.json["events"]]) == (True, ["call.ended"])


async def test_what_was_forgotten_of_a_call_is_told_nobody(house: House) -> None:
    ear = await house.listen("/v1/events")
    house.api.feed.forgotten.add("c1")
    await house.happens("c1", "queued")
    await house.happens("c2", "queued")
    await ear.hears("call.queued")
    assert json.loads(ear.got[0].data)["data"]["call"] == "c2"


async def test_as_a_page_it_goes_on_with_its_cursor_and_waits_if_asked_to(house: House) -> None:
    await house.happens("c1", "queued", "talking", "ended")
    first = (await house.api.ask("GET", "/v1/events?limit=2")).json
    assert ([one["type"] for one in first["events"]], first["more"]) == (["call.queued", "call.talking"], True)
    rest = (await house.api.ask("GET", f"/v1/events?after={first['cursor']}")).json
    assert [one["type"] for one in rest["events"]] == ["call.ended"]
    none = (await house.api.ask("GET", f"/v1/events?after={rest['cursor']}")).json
    assert none == {"events": [], "cursor": rest["cursor"], "more": False, "gap": False}
    waits = asyncio.create_task(house.api.ask("GET", f"/v1/events?after={rest['cursor']}&wait_s=5"))
    await until(lambda: house.api.feed.waits)
    await house.happens("c2", "queued")
    assert [one["data"]["call"] for one in (await waits).json["events"]] == ["c2"]
    now = (await house.api.ask("GET", "/v1/events?after=now")).json
    assert (now["events"], now["cursor"]) == ([], "4")
    assert (await house.api.ask("GET", "/v1/events?after=yesterday")).problem["field"] == "after"


async def test_a_page_of_one_looks_through_many_at_once_and_goes_on_behind_what_it_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.happens("c1", *["talking"] * 30, "ended", "ended")
    looks, read = house.api.feed.read, list[str]()

    async def counted(after: str, most: int) -> Any:
        read.append(after)
        return await looks(after, most)

    monkeypatch.setattr(house.api.feed, "read", counted)
    first = (await house.api.ask("GET", "/v1/events?types=call.ended&limit=1&after=0")).json
    assert ([one["data"]["seq"] for one in first["events"]], first["cursor"], first["more"]) == ([31], "31", True)
    second = (await house.api.ask("GET", f"/v1/events?types=call.ended&limit=1&after={first['cursor']}")).json
    assert [one["data"]["seq"] for one in second["events"]] == [32]
    assert read == ["0", "31"]


async def test_who_waits_for_a_page_is_counted_with_the_streams_of_all_his_tenants_keys(api: Bench) -> None:
    await api.tenants.put(Tenant("acme", "Acme", 1))
    for name in ("one", "two"):
        digest, key = described(f"rb_{name}", name, ("read",), 1)
        await api.keys.add(digest, replace(key, tenant="acme"))
    async with a_house(api, owner_max=1) as house:
        asked = house.client.get(
            house.server.url + "/v1/events?after=now&wait_s=20", headers={"Authorization": "Bearer rb_one"}
        )
        waits = asyncio.ensure_future(asked)
        await until(lambda: len(house.server._streams) == 1)
        assert (await house.ask("/v1/events", "two")).status == 429
        house.server.stop()
        assert (await (await waits).json())["events"] == [], "the process leaves: nobody is kept waiting"


# ---- ends, limits, faults -------------------------------------------------------------------------------------------


async def test_a_key_that_is_revoked_and_a_tenant_that_is_closed_hear_no_more(partners: House) -> None:
    api = partners.api
    acme, other = [await partners.listen("/v1/events", key) for key in ("acme", "other")]
    key = next(one for one in await api.keys.all() if one.name == "acme")
    await api.keys.delete(key)
    await api.tenants.close("other", 5)
    await until(lambda: acme.has_ended and other.has_ended)


async def test_no_key_has_more_streams_than_its_share_and_a_place_is_free_again(api: Bench) -> None:
    async with a_house(api, most=3, owner_max=2) as house:
        await house.happens("c1", "queued")
        ears = [await house.listen("/v1/calls/c1/events", "viewer") for _ in range(2)]
        refused = await house.ask("/v1/calls/c1/events", "viewer")
        assert (refused.status, (await refused.json())["rule"], "retry-after" in refused.headers) == (
            429,
            "streams",
            True,
        )
        await house.listen("/v1/events")
        full = await house.ask("/v1/events")
        assert (full.status, (await full.json())["type"]) == (503, "no-capacity")
        await ears[0].leave()
        await until(lambda: len(house.server._streams) == 2)
        await house.listen("/v1/calls/c1/events", "viewer")
        metrics = (await api.ask("GET", "/metrics")).raw.decode()
        assert "ringbridge_streams_open" in metrics


async def test_a_store_that_is_away_for_a_while_ends_no_stream(house: House) -> None:
    ear = await house.listen("/v1/events")
    await house.happens("c1", "queued")
    await ear.hears("call.queued")
    house.api.feed.is_away = True
    house.api.feed._moved.set()
    await until(lambda: not house.api.watching.place or house.api.feed.waits >= 2)
    house.api.feed.is_away = False
    await house.happens("c1", "talking")
    await ear.hears("call.queued", "call.talking")


async def test_who_does_not_read_is_cut_off_and_keeps_nobody_from_hearing(house: House) -> None:
    reader, writer = await asyncio.open_connection(*house.server._sock.getsockname(), limit=1_024)
    writer.write(
        b"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer rb_root\r\nAccept: text/event-stream\r\n\r\n"
    )
    await reader.readline()
    ear = await house.listen("/v1/events", "viewer")
    big = "x" * 2_000
    for n in range(30):
        await house.happens(f"c{n}", *(f"{big}{k}" for k in range(100)))
    await until(lambda: len(ear.got) == 3_000, within_s=15)
    await until(lambda: len(house.server._streams) == 1, within_s=5, what="the one who does not read is gone")
    writer.close()


async def test_two_hundred_streams_cost_one_look_and_each_body_is_fetched_once(api: Bench) -> None:
    async with a_house(api, owner_max=200) as house:
        await house.happens("c1", "queued")
        ears = [await house.listen("/v1/events") for _ in range(200)]
        await until(lambda: api.feed.waits)
        told, waits = api.feed.told, api.feed.waits
        await house.happens("c1", "talking", "ended")
        for ear in ears:
            await ear.hears("call.talking", "call.ended")
        assert (api.feed.told - told, api.feed.waits - waits <= 2) == (2, True)
        await asyncio.gather(*(ear.leave() for ear in ears))


async def test_the_process_does_not_wait_for_those_who_listen(api: Bench) -> None:
    async with a_house(api) as house:
        await house.happens("c1", "queued")
        ears = [await house.listen("/v1/events"), await house.listen("/v1/calls/c1/events")]
        house.server.stop()
        await until(lambda: all(ear.has_ended for ear in ears), within_s=2)
