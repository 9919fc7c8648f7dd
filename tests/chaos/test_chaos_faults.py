"""The faults are what they say they are: a full disk makes a real error, a late event keeps its channel's order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis

from ari_app.adapters.ari import Client
from ari_app.stack import Stack, StackOptions
from tests.acceptance.frames import AriQuestions
from tests.chaos.full_disk import fill_disk, free_disk, redis_that_outlives_it
from tests.chaos.link import EventTap, Whole
from tests.ground import skipping
from tests.ports import claim
from tests.support import until, until_sync
from tests.unit.ari.fake import BRISK, FakeAsterisk, event


@pytest.fixture
def store(tmp_path: Path) -> Iterator[tuple[redis.Redis, int]]:
    """A Redis of its own, and its pid."""
    with skipping():
        options = StackOptions(
            state_dir=tmp_path, pbx=False, carrier=False, redis_server=str(redis_that_outlives_it(tmp_path))
        )
        stack = Stack(options)
        info = stack.start()
    try:
        with redis.Redis.from_url(info.redis_url) as store:
            store.set("before", 1)
            pid = next(part.pid for part in stack.status() if part.part == "redis")
            assert pid is not None
            yield store, pid
    finally:
        stack.stop()


def test_a_redis_whose_disk_is_full_takes_no_write_and_recovers(
    store: tuple[redis.Redis, int], tmp_path: Path
) -> None:  # fmt: skip
    link, pid = store
    fill_disk(pid, tmp_path / "redis/appendonlydir")

    def refusal() -> str:
        try:
            link.set("while", 2)
        except redis.ResponseError as refused:
            return str(refused)
        return ""

    assert "MISCONF" in until_sync(refusal, 10, "it takes no write")
    assert link.get("before") == b"1", "it answers all the same"
    assert link.info("persistence")["aof_last_write_status"] == "err"
    free_disk(pid)
    until_sync(lambda: not refusal(), 10, "it takes writes again")
    assert link.info("persistence")["aof_last_write_status"] == "ok"


@asynccontextmanager
async def tapped() -> AsyncIterator[tuple[FakeAsterisk, EventTap, Client]]:
    """A client whose link to a PBX goes through the tap."""
    async with FakeAsterisk() as fake:
        tap = EventTap("127.0.0.1", int(fake.url.rsplit(":", 1)[1].split("/")[0]), AriQuestions)
        async with tap:
            client = Client(f"http://127.0.0.1:{tap.port}/ari", "u", "p", "app", settings=BRISK)
            link = asyncio.create_task(client.run())
            await client.wait_streaming()
            yield fake, tap, client
            await client.aclose()
            await link


async def heard(client: Client, count: int) -> list[tuple[str, str]]:
    """(channel, type) of the next events."""
    found: list[tuple[str, str]] = []

    async def listen() -> None:
        async for one in client.stream():
            found.append((one.channel.id, one.type))  # type: ignore[union-attr]  # every event here is a channel's
            if len(found) == count:
                return

    await asyncio.wait_for(listen(), 5)
    return found


async def test_late_events_keep_the_order_of_their_channel_and_may_be_overtaken() -> None:
    kinds = ("ChannelStateChange", "ChannelHold", "ChannelUnhold", "ChannelDestroyed")
    async with tapped() as (fake, tap, client):
        tap.late_ms = 300
        sent = [(channel, kind) for kind in kinds for channel in ("a", "b", "c", "d")]
        for channel, kind in sent:
            await fake.say(event(kind, channel))
        got = await heard(client, len(sent))
    assert got != sent, "none was late"
    for channel in ("a", "b", "c", "d"):
        assert [kind for one, kind in got if one == channel] == list(kinds)


async def test_repeated_events_come_twice() -> None:
    async with tapped() as (fake, tap, client):
        tap.again_ms = 50
        await fake.say(event("ChannelHold", "a"), event("ChannelUnhold", "b"))
        got = await heard(client, 4)
        tap.behave()
        await fake.say(event("ChannelDestroyed", "a"))
        assert await heard(client, 1) == [("a", "ChannelDestroyed")]
        await until(lambda: tap.repeated == 2)
    assert sorted(got) == [("a", "ChannelHold")] * 2 + [("b", "ChannelUnhold")] * 2


async def test_an_answer_to_a_plain_request_passes_whole() -> None:
    """As `ringbridge trunks apply` asks, beside the link of the events."""
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 7000\r\nConnection: close\r\n\r\n" + b"\x81~" * 3500

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    [port] = claim()
    async with await asyncio.start_server(answer, "127.0.0.1", port), EventTap("127.0.0.1", port, Whole) as tap:
        reader, writer = await asyncio.open_connection("127.0.0.1", tap.port)
        writer.write(b"GET /ari/asterisk/ping HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), 5) == said
        writer.close()
