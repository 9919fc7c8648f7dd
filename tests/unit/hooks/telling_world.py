"""A world of calls that happen, webhooks that want to hear of them, receivers that are well, ill or dead, and a process
that dies at any moment: relay, intake and couriers on virtual time, over stores in memory that now and then fail.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.adapters.memory_feed import MemoryFeed, MemoryOutbox
from ari_app.adapters.memory_notices import MemoryNotices
from ari_app.adapters.memory_webhooks import MemoryWebhooks
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.stories import KeptStories
from ari_app.hooks.couriers import CourierRules, Couriers, Means
from ari_app.hooks.intake import Intake
from ari_app.hooks.relay import FeedRules, Relay
from ari_app.hooks.sources import Sources
from ari_app.ports.feed import START
from ari_app.ports.sender import Answer
from ari_app.ports.webhooks import Webhook
from tests.laws.virtual_time import VirtualLoop

RULES = CourierRules(first_ms=1_000, most_ms=60_000, probe_ms=20_000, give_up_ms=48 * 3_600_000)
KEPT_FOR_EVER = FeedRules(keep_ms=10**12)
STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")


def signed(id: str, _at_ms: int, _body: bytes, _secrets: object) -> Mapping[str, str]:
    return {"webhook-id": id}


class Flaky:
    """A store of which each question may fail: before it was done, or after."""

    def __init__(self, inner: Any, world: World) -> None:
        self._inner, self._world = inner, world

    def __getattr__(self, name: str) -> Any:
        asked = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(asked):
            return asked

        async def ask(*args: Any, **more: Any) -> Any:
            await asyncio.sleep(self._world.rng.choice((0, 0.001)))
            if self._world.fails():
                raise Unavailable("before")
            done = await asked(*args, **more)
            if self._world.fails():
                raise Unavailable("the answer was lost")
            return done

        return ask


@dataclass
class Receivers:
    """By url. `ill`: how often of 1 it takes nothing; `got`: (when, id) of what it took."""

    world: World
    ill: dict[str, float] = field(default_factory=dict)
    hangs: set[str] = field(default_factory=set)
    got: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        rng = self.world.rng
        self.asked[url] = self.asked.get(url, 0) + 1
        await asyncio.sleep(rng.uniform(0.001, 0.05))
        if url in self.hangs:
            await asyncio.sleep(10)
            return Answer(None, "timeout")
        lot = rng.random()
        if lot < self.ill.get(url, 0) / 2:
            return Answer(500)
        self.got.setdefault(url, []).append((self.world.loop.time(), msgspec.json.decode(body)["id"]))
        return Answer(None, "reset") if lot < self.ill.get(url, 0) else Answer(204)

    async def close(self) -> None:
        pass


class World:
    def __init__(self, loop: VirtualLoop, seed: int = 0, fault: float = 0.0) -> None:
        self.loop, self.rng, self.fault = loop, random.Random(seed), fault
        feed = MemoryFeed(loop.now_ms)
        self.outbox = MemoryOutbox(feed)
        self.feed, self.webhooks = feed, MemoryWebhooks()
        self.calls = MemoryCalls(outbox=self.outbox)
        self.notices = MemoryNotices(self.outbox)
        self.receivers = Receivers(self)
        self.told: dict[str, list[str]] = {}
        self.tenants: dict[str, str] = {}
        self.relay_type: type[Relay] = Relay
        self.couriers: Couriers | None = None
        self._process: list[asyncio.Task[None]] = []

    def fails(self) -> bool:
        return self.rng.random() < self.fault

    async def hook(self, id: str, tenant: str = "", events: tuple[str, ...] = ()) -> str:
        url = f"https://{id}.example"
        await self.webhooks.add(Webhook(id, tenant, url, events, (), 0), START)
        return url

    async def happen(self, call: str, tenant: str = "") -> None:
        """One more event of this call, as its owner writes it down."""
        told = self.told.setdefault(call, [])
        self.tenants[call] = tenant
        state = STATES[min(len(told), len(STATES) - 1)]
        body = {"call": call, "type": "callback", "state": state, "at_ms": self.loop.now_ms(), "tenant": tenant}
        raw = msgspec.json.encode(body)
        told.append(state)
        if len(told) == 1:
            await self.calls.create(call, raw, node="n", user_ids=[], created_at_ms=1, events=[raw])
        else:
            await self.calls.save(call, len(told) - 1, raw, [raw], 0)

    # ---- the process --------------------------------------------------------------------------------------------

    def start(self, rules: FeedRules = KEPT_FOR_EVER) -> None:
        outbox, feed, hooks = (Flaky(one, self) for one in (self.outbox, self.feed, self.webhooks))
        calls = Flaky(self.calls, self)
        stories = KeptStories(calls, self.notices)
        means = Means(
            hooks, stories, self.receivers, signed, RULES, self.loop.now_ms, lambda: True, None,
            asyncio.Semaphore(RULES.at_once),
        )  # fmt: skip
        self.couriers = couriers = Couriers(means)
        intake = Intake(feed, hooks, now_ms=self.loop.now_ms, changed=couriers.serve, taken=couriers.wake)
        relay = self.relay_type(
            outbox, Sources(calls, self.notices), rules, now_ms=self.loop.now_ms,
            published=lambda _news: intake.wake(), unread_ms=intake.unread_ms,
        )  # fmt: skip
        self.outbox.hinted = relay.wake
        self._process = [asyncio.create_task(relay.run()), asyncio.create_task(intake.run())]

    async def kill(self) -> None:
        assert self.couriers is not None
        self.couriers.close()
        for task in self._process:
            task.cancel()
        await asyncio.gather(*self._process, return_exceptions=True)

    # ---- what must hold -----------------------------------------------------------------------------------------

    def took(self, url: str) -> dict[str, list[int]]:
        """Call → the numbers that came, in their order."""
        found: dict[str, list[int]] = {}
        for _, id in self.receivers.got.get(url, []):
            _, call, seq, _ = id.split("_")
            found.setdefault(call, []).append(int(seq))
        return found

    async def until_told(self, urls: Mapping[str, str]) -> None:
        """Or it is clear that it never will be."""
        for _ in range(60):
            await asyncio.sleep(10)
            count = {tenant: sum(len(self.told[c]) for c in self.wanted(tenant)) for tenant in urls.values()}
            if all(sum(len(set(one)) for one in self.took(u).values()) >= count[t] for u, t in urls.items()):
                return

    def wanted(self, tenant: str) -> set[str]:
        return {call for call in self.told if tenant in ("", self.tenants[call])}

    def judge(self, url: str, tenant: str) -> None:
        """All that is this tenant's came, at least once and in the order of each call; nothing else did."""
        took = self.took(url)
        wanted = self.wanted(tenant)
        assert set(took) == wanted, f"{url}: {len(took)} calls of {len(wanted)}"
        for call, seqs in took.items():
            assert list(dict.fromkeys(seqs)) == list(range(1, len(self.told[call]) + 1)), f"{url} {call}: {seqs}"
            assert seqs == sorted(seqs), f"{url} {call}: {seqs}"
