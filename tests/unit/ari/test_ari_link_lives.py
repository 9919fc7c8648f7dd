"""The link comes and goes: when Asterisk goes away, is silent for too long, or is somebody else's."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial

import pytest

from ari_app.adapters.ari import (
    Client,
    LinkLost,
)
from tests.support import until
from tests.unit.ari.fake import BRISK, FakeAsterisk, event
from tests.unit.ari.links import back, client_of, is_in

pytestmark = pytest.mark.usefixtures("leaves_nothing_behind")


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
