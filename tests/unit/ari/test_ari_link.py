"""The link: what it promises when Asterisk answers, is silent, talks nonsense, goes away, or is somebody else's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from ari_app.adapters.ari import (
    ChannelDestroyed,
    Client,
    Conflict,
    LinkLost,
    LinkSettings,
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


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as asterisk:
        yield asterisk


@pytest.fixture(autouse=True)
async def leaves_nothing_behind() -> AsyncIterator[None]:
    """Every test here: no task of the client is alive when it is over."""
    yield
    mine = [task for task in asyncio.all_tasks() if task.get_name().startswith("ari-")]
    assert mine == []


def client_of(fake: FakeAsterisk, settings: LinkSettings = BRISK, **more: Any) -> Client:
    return Client(fake.url, "user", "secret", "app", settings=settings, **more)


def back(client: Client, times: int) -> Callable[[], bool]:
    return lambda: client.status.reconnects == times and client.status.streaming


def is_in(client: Client, state: str) -> bool:
    return client.status.state == state


async def collect(client: Client, into: list[Any]) -> None:
    async for happened in client.stream():
        into.append(happened)


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
        assert time.monotonic() - began < 1
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


# --- the link comes and goes ------------------------------------------------------------------------------------------
async def test_a_socket_that_ends_normally_is_a_lost_link_all_the_same(fake: FakeAsterisk) -> None:
    told: list[str] = []

    async def gone(client: Client) -> None:
        told.append(client.status.state)

    async with client_of(fake, on_disconnected=gone) as client:
        for times in (1, 2, 3):
            await fake.hang_up()
            await until(back(client, times), within_s=3)
        assert len(told) == 3
        assert client.status.connected


async def test_a_link_that_was_stable_comes_back_at_once_every_time(fake: FakeAsterisk) -> None:
    patient = replace(BRISK, stable_ms=1, retry_base_ms=600_000, retry_max_ms=600_000)
    async with client_of(fake, patient) as client:
        for times in (1, 2, 3):
            await until(lambda: client.status.last_heard_ms >= client.status.since_ms, within_s=2)
            await fake.hang_up()
            await until(back(client, times), within_s=2)


async def test_a_link_that_its_owner_drops_is_closed_and_made_anew(fake: FakeAsterisk) -> None:
    async with client_of(fake) as client:
        client.drop("the lease is over")
        await until(back(client, 1), within_s=2)
        assert client.status.last_error == "the lease is over"
        await until(lambda: len(fake.sockets) == 1, within_s=2)
        assert fake.connections == 2


async def test_a_link_that_answers_no_ping_is_given_up(fake: FakeAsterisk) -> None:
    async with client_of(fake) as client:
        fake.pongs = False
        await until(lambda: client.status.last_error.startswith("stalled"), within_s=2)
        fake.pongs = True
        await until(lambda: client.status.streaming, within_s=2)


async def test_events_that_still_come_do_not_hide_that_nothing_gets_through(fake: FakeAsterisk) -> None:
    """Half open: they reach us, we do not reach them."""
    async with client_of(fake) as client:
        fake.pongs = False
        while not client.status.reconnects:
            if fake.sockets:
                await fake.say(event("ChannelUnhold"))
            await asyncio.sleep(0.01)  # a pace, not a wait
        assert client.status.last_error.startswith("stalled")


async def test_who_closes_while_it_connects_has_no_link_after_it(fake: FakeAsterisk) -> None:
    """Also where that link would live for ever."""
    fake.doors.clear()
    client = client_of(fake, replace(BRISK, connect_ms=5_000, stalled_ms=60_000))
    link = asyncio.create_task(client.run())
    await until(lambda: fake.connections, within_s=2)
    closing = asyncio.create_task(client.aclose())
    await asyncio.sleep(0)
    fake.doors.set()
    await asyncio.wait_for(closing, 5)
    await link
    await until(lambda: not fake.sockets, within_s=2)


@pytest.mark.parametrize("owes_a_pong", [False, True])
async def test_the_close_is_the_last_word_of_who_owed_us_no_answer(fake: FakeAsterisk, owes_a_pong: bool) -> None:
    """A process that is killed has its sockets closed in that moment; of one that was silent before, nobody knows."""
    told: list[int] = []

    async def gone(client: Client) -> None:
        told.append(client.status.last_heard_ms)

    unhurried = replace(BRISK, ping_ms=1_000, stalled_ms=60_000)
    async with client_of(fake, unhurried, on_disconnected=gone) as client:
        await until(lambda: client.status.last_heard_ms, within_s=2)
        client.status.now_ms = lambda: 1_000
        client.status.last_heard_ms = 0
        if owes_a_pong:
            fake.pongs = False
            await until(lambda: client.silent_ms > 2 * unhurried.tick_ms, within_s=4)
        await fake.hang_up()
        await until(lambda: told, within_s=3)
    assert told[0] == (0 if owes_a_pong else 1_000)


async def test_what_lay_unread_while_we_stood_still_is_no_sign_of_life_of_now(fake: FakeAsterisk) -> None:
    """A process was stopped, and its PBX killed meanwhile: the talk was charged up to the moment of waking."""
    stands_s, patient = 1.5, replace(BRISK, stalled_ms=60_000)
    async with client_of(fake, patient) as client:
        await until(lambda: client.status.last_heard_ms, within_s=2)
        fake.pongs, events, before_ms = False, client.status.events, client.status.last_heard_ms
        await fake.say(event("ChannelUnhold"))
        time.sleep(stands_s)  # noqa: ASYNC251 - this is what the test is about: nothing of the process runs
        await until(lambda: client.status.events > events, within_s=2)
        assert client.status.last_heard_ms - before_ms < 1000 * stands_s / 2
        fake.pongs = True
        await until(lambda: client.status.last_heard_ms > before_ms + 1000 * stands_s, within_s=4)


async def test_who_does_not_own_the_pbx_takes_its_application_from_nobody(fake: FakeAsterisk) -> None:
    """To connect is to take over: it waits until it is the owner, and ends in the midst of that if it is told to."""
    allowed: list[bool] = []
    client = client_of(fake, may_connect=lambda: bool(allowed))
    link = asyncio.create_task(client.run())
    try:
        await until(lambda: "not the owner" in client.status.last_error or fake.connections)
        assert fake.connections == 0
        allowed.append(True)
        await until(lambda: client.status.streaming)
        allowed.clear()
        await fake.hang_up()
        await until(lambda: "not the owner" in client.status.last_error)
        assert fake.connections == 1
    finally:
        await client.aclose()
        await link


async def test_a_healthy_link_is_left_alone(fake: FakeAsterisk) -> None:
    async with client_of(fake) as client:
        first_pong_ms = client.status.last_heard_ms
        await until(lambda: client.status.last_heard_ms > first_pong_ms + BRISK.ping_ms + BRISK.stalled_ms, within_s=3)
        assert client.status.reconnects == 0


async def test_a_wrong_password_is_said_and_tried_again_but_not_shown(
    fake: FakeAsterisk, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.refusing = 401
    client = client_of(fake)
    link = asyncio.create_task(client.run())
    await until(lambda: fake.connections >= 3, within_s=3)
    assert "401" in client.status.last_error
    assert not client.status.connected
    told = client.status.last_error + capsys.readouterr().out
    assert "ari link down" in told
    assert "Authorization" not in told
    fake.refusing = 0
    await asyncio.wait_for(client.wait_streaming(), 3)
    await client.aclose()
    await link


async def test_who_is_replaced_stands_down(fake: FakeAsterisk) -> None:
    told: list[str] = []

    async def stand_down(client: Client) -> None:
        told.append(client.status.state)
        await client.aclose()

    fake.answer = lambda frame: None
    client = client_of(fake, on_replaced=stand_down)
    link = asyncio.create_task(client.run())
    await client.wait_streaming()
    waiting = asyncio.create_task(client.asterisk.ping())
    await until(lambda: len(fake.requests) == 1, within_s=2)
    await fake.say({"type": "ApplicationReplaced", "application": "app"})
    with pytest.raises(LinkLost):
        await waiting
    await asyncio.wait_for(link, 2)
    assert told == ["replaced"]
    assert client.status.state == "replaced"
    assert fake.connections == 1
    await until(lambda: not fake.sockets, within_s=2)
    assert [happened.type async for happened in client.stream()] == ["ApplicationReplaced"]


@pytest.mark.parametrize("when", ["connecting", "waiting", "connected"])
async def test_closing_or_cancelling_at_any_moment_leaves_nothing(fake: FakeAsterisk, when: str) -> None:
    if when == "connecting":
        fake.doors.clear()
    fake.refusing = 503 if when == "waiting" else 0
    for end in ("close", "cancel"):
        client = client_of(fake, replace(BRISK, retry_first_ms=60_000))
        link = asyncio.create_task(client.run(), name="ari-link-under-test")
        await until(partial(is_in, client, when), within_s=2)
        if end == "close":
            await asyncio.wait_for(client.aclose(), 2)
            await link
        else:
            link.cancel()
            with pytest.raises(asyncio.CancelledError):
                await link
        assert client.status.state == "closed"
        assert [happened async for happened in client.stream()] == []
    fake.doors.set()
    await until(lambda: not fake.sockets, within_s=2)
