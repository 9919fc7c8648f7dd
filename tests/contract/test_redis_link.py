"""The link to Redis: what goes out together, what happens when answers are lost, and that it comes back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ari_app.adapters.redis.link import Link, RedisFault
from ari_app.adapters.redis.scripts import script_of
from ari_app.adapters.redis.wire import WAITING_MAX
from ari_app.domain.errors import Unavailable
from tests.contract.redis_server import RedisServer
from tests.proxy import Proxy
from tests.support import until

COUNT_UP = script_of("count_up-1.lua", "return redis.call('INCR', KEYS[1])")


@pytest.fixture
async def proxy(redis_server: RedisServer, link: Link) -> AsyncIterator[Proxy]:
    async with Proxy("127.0.0.1", redis_server.port) as proxy:
        yield proxy


@pytest.fixture
async def unsure(proxy: Proxy) -> AsyncIterator[Link]:
    """A link over a network that misbehaves."""
    unsure = Link(f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=1_000)
    await unsure.start()
    yield unsure
    await unsure.close()


async def test_commands_of_one_turn_are_answered_each_with_its_own(link: Link) -> None:
    replies = await asyncio.gather(*(link.command("ECHO", f"{n}") for n in range(500)))

    assert replies == [f"{n}".encode() for n in range(500)]


async def test_a_command_that_nobody_waits_for_any_more_is_carried_out_and_disturbs_no_other(link: Link) -> None:
    given_up = asyncio.create_task(link.command("INCR", "n"))
    other = asyncio.create_task(link.command("ECHO", "me"))
    await asyncio.sleep(0)
    given_up.cancel()

    assert await other == b"me"
    assert given_up.cancelled()
    assert await link.get("n") == b"1"


async def test_an_answer_that_is_lost_is_told_and_the_command_is_never_sent_again(
    link: Link, unsure: Link, proxy: Proxy
) -> None:
    await unsure.command("INCR", "n")
    proxy.stall(up=False, down=True)
    asked = asyncio.create_task(unsure.command("INCR", "n"))
    await until(lambda: _is(link, "n", b"2"), what="the command was carried out")
    proxy.cut()

    with pytest.raises(Unavailable):
        await asked
    proxy.resume()
    await until(lambda: unsure.is_up, what="the link comes back")
    assert await unsure.get("n") == b"2"


async def test_a_server_that_falls_silent_is_given_up(unsure: Link, proxy: Proxy) -> None:
    proxy.stall(up=True, down=True)

    with pytest.raises(Unavailable, match="no answer within"):
        await unsure.command("PING")
    await until(lambda: not unsure.is_up)
    proxy.cut()
    proxy.resume()
    await until(lambda: unsure.is_up, what="the link comes back")
    assert await unsure.command("PING") == b"PONG"


async def test_while_redis_is_away_everything_is_refused_at_once_and_told(
    redis_server: RedisServer, proxy: Proxy
) -> None:
    told: list[bool] = []
    unsure = Link(f"redis://127.0.0.1:{proxy.port}/0", timeout_ms=1_000, on_change=told.append)
    await unsure.start()
    await proxy.refuse()
    proxy.cut()
    await until(lambda: not unsure.is_up)

    with pytest.raises(Unavailable, match="Redis is away"):
        await unsure.command("PING")
    await proxy.accept()
    await until(lambda: unsure.is_up)
    assert told == [True, False, True]
    await unsure.close()


async def test_a_flood_of_commands_is_refused_beyond_its_limit_and_the_rest_is_answered(link: Link) -> None:
    answers = await asyncio.gather(*(link.command("PING") for _ in range(WAITING_MAX + 5)), return_exceptions=True)

    assert answers[:WAITING_MAX] == [b"PONG"] * WAITING_MAX
    assert [type(answer) for answer in answers[WAITING_MAX:]] == [Unavailable] * 5
    assert await link.command("PING") == b"PONG"


async def test_no_redis_at_all_is_said_at_the_start() -> None:
    nowhere = Link("redis://127.0.0.1:1/0", timeout_ms=2_000)

    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1"):
        await nowhere.start(within_s=1)
    await nowhere.close()


async def test_a_script_that_redis_has_forgotten_is_sent_whole(redis_server: RedisServer, link: Link) -> None:
    own = Link(redis_server.url, scripts={"count_up": COUNT_UP})
    await own.start()
    assert await own.script("count_up", "n") == 1
    await own.command("SCRIPT", "FLUSH")

    assert await own.script("count_up", "n") == 2
    await own.close()


async def test_what_redis_refuses_as_wrong_is_a_fault_of_ours(link: Link) -> None:
    await link.command("SET", "text", "x")

    with pytest.raises(RedisFault, match="WRONGTYPE"):
        await link.command("LPUSH", "text", "y")


async def test_a_redis_that_can_take_no_writes_is_unavailable(link: Link) -> None:
    await link.command("CONFIG", "SET", "maxmemory", "1")
    try:
        with pytest.raises(Unavailable, match="OOM"):
            await link.script("swap", "key", "", "value")
    finally:
        await link.command("CONFIG", "SET", "maxmemory", "0")
    assert await link.get("key") is None


async def test_a_key_is_swapped_only_if_it_is_as_expected(link: Link) -> None:
    assert await link.swap("k", None, b"one")
    assert not await link.swap("k", None, b"two")
    assert not await link.swap("k", b"other", b"two")
    assert await link.swap("k", b"one", b"two")
    assert await link.get("k") == b"two"
    assert await link.swap("k", b"two", None)
    assert await link.get("k") is None


async def test_a_password_and_a_database_are_given_at_every_connection(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    try:
        open_ = Link(server.url)
        await open_.start()
        await open_.command("CONFIG", "SET", "requirepass", "s3cret")
        await open_.close()
        wrong = Link(f"redis://:wrong@127.0.0.1:{server.port}/2")
        with pytest.raises(Unavailable, match="AUTH: WRONGPASS"):
            await wrong.start(within_s=1)
        await wrong.close()
        right = Link(f"redis://:s3cret@127.0.0.1:{server.port}/2")
        await right.start()
        assert b"db=2" in await right.command("CLIENT", "INFO")
        await right.close()
    finally:
        server.kill()


async def _is(link: Link, key: str, value: bytes) -> bool:
    return await link.get(key) == value
