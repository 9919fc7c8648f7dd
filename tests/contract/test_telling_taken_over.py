"""Two processes that tell what happens, over one Redis: one does, and when it dies or loses Redis the other goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import pytest

from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.notices import RedisNotices
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.adapters.redis.webhooks import RedisWebhooks
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.stories import KeptStories
from ari_app.hooks import relay, telling
from ari_app.hooks.signing import signed_headers
from ari_app.hooks.sources import Sources
from ari_app.hooks.telling import Stores, Telling
from ari_app.ports.feed import START
from ari_app.ports.leases import Lease, Lost
from ari_app.ports.sender import Answer
from ari_app.ports.webhooks import Secret, Webhook, new_secret
from tests.support import until


class Cut(RedisLeases):
    """Of a process that, from some moment on, asks in vain."""

    is_cut = False

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | Lost:
        self._look()
        return await super().renew(lease, ttl_ms)

    async def release(self, lease: Lease) -> None:
        self._look()
        await super().release(lease)

    async def acquire(self, node: str, owner: str, ttl_ms: int) -> object:  # type: ignore[override]  # passed on
        self._look()
        return await super().acquire(node, owner, ttl_ms)

    def _look(self) -> None:
        if self.is_cut:
            raise Unavailable("cut off")


class Process:
    def __init__(self, link: Link, name: str, came: list[tuple[str, str]]) -> None:
        self._name, self._came = name, came
        self.leases = Cut(link, is_dead=lambda _owner: False)
        outbox = RedisOutbox(link)
        self.calls, notices = RedisCalls(link, outbox=outbox), RedisNotices(link)
        stores = Stores(
            outbox, RedisFeed(link), RedisWebhooks(link), Sources(self.calls, notices), KeptStories(self.calls, notices)
        )
        self.telling = Telling(stores, self, signed_headers, leases=self.leases, owner=name, now_ms=now_ms)
        self.running = asyncio.create_task(self.telling.run())

    async def post(self, _url: str, body: bytes, _headers: Mapping[str, str]) -> Answer:
        self._came.append((self._name, msgspec.json.decode(body)["id"]))
        return Answer(204)

    async def close(self) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize("dies", [True, False])
async def test_the_other_goes_on(link: Link, monkeypatch: pytest.MonkeyPatch, *, dies: bool) -> None:
    monkeypatch.setattr(telling, "TTL_MS", 2_000)
    monkeypatch.setattr(telling, "MARGIN_MS", 400)
    monkeypatch.setattr(telling, "STAND_BY_S", 0.05)
    monkeypatch.setattr(relay, "TAKE_BACK_S", 1.0)  # of what the first had taken when it heard that it was too late
    came: list[tuple[str, str]] = []
    await RedisWebhooks(link).add(Webhook("w", "", "https://all.example", (), (Secret(new_secret()),), 0), START)
    first = Process(link, "first", came)
    await until(lambda: first.telling.is_ours, 5, "the first one tells")
    second = Process(link, "second", came)

    async def happens(n: int) -> None:
        """By a process that tells nobody."""
        raw = msgspec.json.encode({"call": "c1", "type": "callback", "state": "talking", "at_ms": n, "tenant": ""})
        if n == 1:
            await first.calls.create("c1", raw, node="n", user_ids=[], created_at_ms=now_ms(), events=[raw])
        else:
            await first.calls.save("c1", n - 1, raw, [raw], 0)

    def last() -> int:
        return int(came[-1][1].split("_")[2]) if came else 0

    try:
        for n in range(1, 6):
            await happens(n)
        await until(lambda: last() == 5, 5, "the first one has told them")
        assert {name for name, _ in came} == {"first"}
        first.leases.is_cut = True  # so that it gives nothing back, either
        if dies:
            await first.close()
        for n in range(6, 11):
            await happens(n)
        await until(lambda: last() == 10 and second.telling.is_ours, 10, "the second one tells")
        assert not first.telling.is_ours
        first.leases.is_cut = False
        for n in range(11, 16):
            await happens(n)
        await until(lambda: last() == 15, 5, "and goes on")
    finally:
        await first.close()
        await second.close()
    tellers = [name for name, _ in came]
    assert tellers == sorted(tellers), "first, then second"
    assert tellers[-1] == "second"
    assert list(dict.fromkeys(int(id.split("_")[2]) for _, id in came)) == list(range(1, 16)), "each, in order"
