"""The link: what it promises while it stands, when Asterisk answers, is silent, or talks nonsense."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from ari_app.adapters.ari import (
    ChannelDestroyed,
    Client,
    Conflict,
    LinkLost,
    LinkStatus,
    RequestTimeout,
    StasisStart,
    UnknownEvent,
)
from ari_app.adapters.ari.operations import build
from ari_app.adapters.ari.requests import Requests
from ari_app.adapters.ari.system import Asterisk
from ari_app.adapters.ari.wire import RESTResponse
from tests.support import until
from tests.unit.ari.fake import BRISK, FakeAsterisk, Frame, event
from tests.unit.ari.links import client_of, collect

pytestmark = pytest.mark.usefixtures("leaves_nothing_behind")


# --- replies ----------------------------------------------------------------------------------------------------------
async def test_replies_find_their_requests_in_any_order(fake: FakeAsterisk) -> None:
    held: list[Frame] = []
    fake.answer = lambda frame: held.append(frame)
    async with client_of(fake) as client:
        asks = [asyncio.create_task(client.channels.getChannelVar("c", name)) for name in "abc"]
        await until(lambda: len(held) == 3, within_s=2)
        for frame in reversed(held):
            name = frame["query_strings"][0]["value"]
            body = f'{{"value":"of {name}"}}'
            await fake.say(
                {"type": "RESTResponse", "request_id": frame["request_id"], "status_code": 200, "message_body": body}
            )
        assert [(await ask).value for ask in asks] == ["of a", "of b", "of c"]


async def test_a_refusal_reaches_its_caller(fake: FakeAsterisk) -> None:
    fake.answer = lambda frame: (409, {"message": "already exists"})
    async with client_of(fake) as client:
        with pytest.raises(Conflict, match="already exists"):
            await client.channels.originateWithId("c1.a.1", "PJSIP/1@carrier")


async def test_a_silent_asterisk_is_a_timeout_and_the_late_reply_harms_nobody(fake: FakeAsterisk) -> None:
    fake.answer = lambda frame: None
    settings = replace(BRISK, request_ms=80, in_flight_max=1)
    async with client_of(fake, settings) as client:
        first, second = (asyncio.create_task(client.asterisk.ping()) for _ in range(2))
        with pytest.raises(RequestTimeout) as sent:
            await first
        with pytest.raises(RequestTimeout) as unsent:
            await second
        assert (sent.value.sent, unsent.value.sent) == (True, False)
        await fake.say({"type": "RESTResponse", "request_id": "1", "status_code": 204})
        await until(lambda: client.status.late_replies == 1, within_s=2)
        fake.answer = lambda frame: {"ping": "pong"}
        assert (await client.asterisk.ping()).ping == "pong"


async def test_what_asterisk_has_not_answered_fails_the_moment_the_link_goes(fake: FakeAsterisk) -> None:
    fake.answer = lambda frame: None
    async with client_of(fake, replace(BRISK, in_flight_max=1, request_ms=60_000)) as client:
        asked = [asyncio.create_task(client.asterisk.ping()) for _ in range(3)]
        await until(lambda: len(fake.requests) == 1, within_s=2)
        began = time.monotonic()
        await fake.hang_up()
        lost = await asyncio.gather(*asked, return_exceptions=True)
        assert time.monotonic() - began < 10, "and not after a minute"
        assert [type(fault) for fault in lost] == [LinkLost] * 3
        assert [fault.sent for fault in lost if isinstance(fault, LinkLost)] == [True, False, False]


async def test_a_request_without_a_link_is_refused_unsent() -> None:
    client = Client("http://127.0.0.1:9", "user", "secret", "app")
    with pytest.raises(LinkLost) as refused:
        await client.asterisk.ping()
    assert not refused.value.sent


async def test_a_cancelled_caller_frees_its_turn(fake: FakeAsterisk) -> None:
    fake.answer = lambda frame: None
    async with client_of(fake, replace(BRISK, in_flight_max=1)) as client:
        first, second, third = (asyncio.create_task(client.asterisk.ping()) for _ in range(3))
        await until(lambda: len(fake.requests) == 1, within_s=2)
        second.cancel()
        first.cancel()
        fake.answer = lambda frame: {"ping": "pong"}
        assert (await asyncio.wait_for(third, 2)).ping == "pong"


async def test_a_caller_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    written: list[bytes] = []

    async def write(frame: bytes) -> None:
        written.append(frame)

    requests = Requests(write, None, replace(BRISK, in_flight_max=1), LinkStatus())
    ping = build(Asterisk.operations()["ping"], (), {})
    first, second, third = (asyncio.create_task(requests.send(ping)) for _ in range(3))
    await until(lambda: len(written) == 1, within_s=2)
    requests.answer(RESTResponse("1", 200, message_body="{}"))
    await asyncio.sleep(0)  # the first has run: its turn is the second's now, who does not know yet
    second.cancel()
    await until(lambda: len(written) == 2, within_s=2)
    requests.answer(RESTResponse("2", 200, message_body="{}"))
    await asyncio.wait_for(third, 2)
    assert first.done()
    assert second.cancelled()


async def test_no_request_is_written_once_the_lease_is_over_even_one_that_waited(fake: FakeAsterisk) -> None:
    class LeaseOver(Exception):
        pass

    owner = {"lease": True}

    def check() -> None:
        if not owner["lease"]:
            raise LeaseOver

    held: list[Frame] = []
    fake.answer = lambda frame: held.append(frame)
    async with client_of(fake, replace(BRISK, in_flight_max=1), before_send=check) as client:
        asked = [asyncio.create_task(client.channels.ring(channel)) for channel in "ab"]
        await until(lambda: len(held) == 1, within_s=2)
        owner["lease"] = False
        await fake.say({"type": "RESTResponse", "request_id": held[0]["request_id"], "status_code": 204})
        done = await asyncio.gather(*asked, return_exceptions=True)
        assert done[0] is None
        assert isinstance(done[1], LeaseOver)
        assert len(fake.requests) == 1


# --- events -----------------------------------------------------------------------------------------------------------
async def test_nonsense_is_counted_and_the_events_around_it_arrive(fake: FakeAsterisk) -> None:
    got: list[Any] = []
    async with client_of(fake) as client:
        taker = asyncio.create_task(collect(client, got))
        nonsense = ["", "{", "[]", "17", '{"type":null}', "\x00", "nonsense " * 1000]
        for frame in nonsense:
            await fake.say(frame, event("StasisStart", args=[]))
        await fake.say(event("ChannelTeleported"), event("StasisStart", args=17), event("ChannelDestroyed", cause=16))
        await until(lambda: len(got) == len(nonsense) + 3, within_s=2)
        assert {type(one) for one in got[: len(nonsense)]} == {StasisStart}
        assert [type(one) for one in got[-3:]] == [UnknownEvent, UnknownEvent, ChannelDestroyed]
        assert client.status.malformed_frames == len(nonsense)
        assert client.status.unknown_events == 2
        assert client.status.unknown_types == {"ChannelTeleported", "StasisStart"}
        assert client.status.reconnects == 0
    await taker


async def test_subscribe_then_snapshot_then_stream(fake: FakeAsterisk) -> None:
    story: list[str] = []

    async def snapshot(client: Client) -> None:
        await fake.say(event("StasisStart", args=[]))
        await until(lambda: client.status.events > len(story) // 2, within_s=2)
        story.append(f"snapshot {len(await client.channels.list())}")

    async def take(client: Client) -> None:
        async for happened in client.stream():
            story.append(happened.type)

    fake.answer = lambda frame: [{"id": "c1.a.1"}]
    client = client_of(fake, on_connected=snapshot)
    taker = asyncio.create_task(take(client))
    async with client:
        await until(lambda: len(story) == 2, within_s=2)
        await fake.hang_up()
        await until(lambda: len(story) == 4, within_s=2)
    await taker
    assert story == ["snapshot 1", "StasisStart"] * 2


async def test_a_snapshot_that_asterisk_refuses_is_taken_again_on_a_new_link(fake: FakeAsterisk) -> None:
    answers = iter([(500, {"message": "not now"}), (200, [])])
    fake.answer = lambda frame: next(answers)
    seen: list[int] = []

    async def snapshot(client: Client) -> None:
        seen.append(len(await client.channels.list()))

    async with client_of(fake, on_connected=snapshot) as client:
        assert seen == [0]
        assert client.status.reconnects == 1


async def test_a_bug_in_the_snapshot_ends_the_link_loudly(fake: FakeAsterisk) -> None:
    async def snapshot(client: Client) -> None:
        raise KeyError("bug")

    client = client_of(fake, on_connected=snapshot)
    with pytest.raises(KeyError):
        await client.run()
    assert client.status.state == "closed"


async def test_events_that_nobody_takes_do_not_grow_for_ever(fake: FakeAsterisk) -> None:
    async with client_of(fake, replace(BRISK, queue_max=20)) as client:
        for _ in range(30):
            await fake.say(event("StasisEnd"))
        await until(lambda: client.status.reconnects == 1 and client.status.streaming, within_s=2)
        assert client.status.overflows == 1
        assert client.status.queue_high_water == 20
        got: list[Any] = []
        taker = asyncio.create_task(collect(client, got))
        await fake.say(event("StasisStart", args=[]))
        await until(lambda: any(isinstance(one, StasisStart) for one in got), within_s=2)
    await taker


async def test_the_filter_is_set_before_the_snapshot_of_each_connection(fake: FakeAsterisk) -> None:
    fake.answer = lambda frame: {"name": "app"} if "eventFilter" in frame["uri"] else []

    async def snapshot(client: Client) -> None:
        await client.channels.list()

    async with client_of(fake, replace(BRISK, disallowed_events=("ChannelVarset",)), on_connected=snapshot) as client:
        await fake.hang_up()
        await until(lambda: client.status.reconnects == 1 and client.status.streaming, within_s=2)
    assert [frame["uri"] for frame in fake.requests] == ["applications/app/eventFilter", "channels"] * 2
    assert fake.requests[0]["message_body"] == '{"disallowed":[{"type":"ChannelVarset"}]}'
