"""A thousand events a second for a hundred receivers, of whom ten are dead: whoever is well has each within a second,
and those who talk or call meanwhile notice nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from ari_app.adapters.http_sender import HttpSender
from ari_app.adapters.memory_calls import MemoryLeases
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.notices import RedisNotices
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.adapters.redis.webhooks import RedisWebhooks
from ari_app.domain.reach import reach_of
from ari_app.entrypoints.stories import KeptStories
from ari_app.fast_loop import fast_loop
from ari_app.hooks.signing import signed_headers
from ari_app.hooks.sources import Sources
from ari_app.hooks.telling import Stores, Telling
from tests.contract.redis_server import RedisServer
from tests.overload.happenings import SECONDS, all_sent, happened, hook, judge, now_ms, sink
from tests.overload.storm import Storm, storm
from tests.overload.talks import Talks
from tests.support import until

TALKING = [(4, 5), (12, 13), (14, 15), (16, 17)]
SET_UP_MS_MAX = 1_000
PAUSE_S = 0.5

pytestmark = pytest.mark.timeout(180)


def on_our_loop(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=fast_loop()) as runner:  # the loop that the program itself runs on
        runner.run(work)


@pytest.mark.soak("half a minute at full speed; the laws and the contract stand in for it")
def test_each_has_its_events_within_a_second(tmp_path: Path) -> None:
    """Calls, Redis, relay, couriers and requests are real; the PBX is left out."""
    on_our_loop(at_speed(tmp_path))


async def at_speed(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    link = Link(server.url)
    await link.start()
    outbox = RedisOutbox(link, hinted=lambda: telling.wake())
    calls, notices = RedisCalls(link, outbox=outbox), RedisNotices(link)
    sender = HttpSender(reach_of(("127.0.0.1",), True), 5_000)
    stores = Stores(outbox, RedisFeed(link), RedisWebhooks(link), Sources(calls, notices), KeptStories(calls, notices))
    telling = Telling(stores, sender, signed_headers, leases=MemoryLeases(), owner="us", now_ms=now_ms)
    async with sink() as they:
        await hook(link, they.ports)
        running = asyncio.create_task(telling.run())
        try:
            told = await happened(calls)
            await until(lambda: all_sent(link), 10, "nothing waits for those who are well", every_s=0.2)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
    await sender.close()
    await link.close()
    server.kill()
    judge(told, they.came)


@pytest.mark.soak("a minute at full speed")
def test_calls_notice_nothing_of_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with storm(tmp_path_factory.mktemp("hooked"), WEBHOOK_ALLOW="127.0.0.0/8") as it:
        talks = Talks(it.ground, it.app)
        talks.begin(TALKING)
        on_our_loop(beside_calls(it))
        assert talks.harm() == []
        talks.end()
        assert it.app.complaints() == []


async def beside_calls(it: Storm) -> None:
    link = Link(it.ground.info.redis_url)
    await link.start()
    async with it.load, sink() as they:
        calm_ms = await set_ups_ms(it, 10)
        await hook(link, they.ports)
        events = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.overload.happenings", it.ground.info.redis_url, stdout=-1, limit=2**27
        )
        assert events.stdout is not None
        telling = asyncio.create_task(events.stdout.readline())
        busy_ms: list[float] = []
        while not telling.done():
            busy_ms += await set_ups_ms(it, 1)
            await asyncio.sleep(PAUSE_S)
        told = json.loads(await telling)
        await events.wait()
        await until(lambda: all_sent(link), 10, "nothing waits for those who are well", every_s=0.2)
    await link.close()
    print(  # noqa: T201 - for the soak's log
        f"{len(busy_ms)} calls: set-up {median(calm_ms):.0f} ms at rest, {median(busy_ms):.0f} ms, at most "
        f"{max(busy_ms):.0f} ms beside {len(told) / SECONDS:.0f} events a second"
    )
    judge(told, they.came)
    assert len(busy_ms) > SECONDS / 2
    assert max(busy_ms) < SET_UP_MS_MAX


async def set_ups_ms(it: Storm, count: int) -> list[float]:
    """Of calls one after the other, none of which is refused."""
    took = [await it.one_ms() for _ in range(count)]
    assert None not in took, "a call was refused"
    return [one for one in took if one is not None]
