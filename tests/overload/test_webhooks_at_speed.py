"""A thousand events a second for a hundred receivers, of whom ten are dead: whoever is well has each within a second.
Calls, Redis, relay, couriers and requests are real; only the PBX is left out."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
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
from ari_app.entrypoints.cli_up import _fast_loop
from ari_app.entrypoints.stories import KeptStories
from ari_app.hooks.signing import signed_headers
from ari_app.hooks.sources import Sources
from ari_app.hooks.telling import Stores, Telling
from ari_app.ports.webhooks import Secret, Webhook, new_secret
from tests.contract.redis_server import RedisServer
from tests.ports import claim
from tests.support import until

WELL, HANGING, REFUSING = 90, 5, 5
RATE, SECONDS = 1_000, 20
STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.soak("half a minute at full speed; the laws and the contract stand in for it")
def test_each_has_its_events_within_a_second(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:  # the loop that the program itself runs on
        runner.run(at_speed(tmp_path))


async def at_speed(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    sink = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.overload.hook_sink", str(WELL), str(HANGING), stdin=-1, stdout=-1, limit=2**27
    )
    assert sink.stdin is not None
    assert sink.stdout is not None
    ports = json.loads(await sink.stdout.readline()) + [claim()[0] for _ in range(REFUSING)]
    link = Link(server.url)
    await link.start()
    outbox = RedisOutbox(link, hinted=lambda: telling.wake())
    calls, notices, feed = RedisCalls(link, outbox=outbox), RedisNotices(link), RedisFeed(link)
    hooks, sender = RedisWebhooks(link), HttpSender(reach_of(("127.0.0.1",), True), 5_000)
    telling = Telling(
        Stores(outbox, feed, hooks, Sources(calls, notices), KeptStories(calls, notices)), sender, signed_headers,
        leases=MemoryLeases(), owner="us", now_ms=now_ms,
    )  # fmt: skip
    for n, port in enumerate(ports):
        await hooks.add(
            Webhook(f"w{n}", f"t{n}", f"http://127.0.0.1:{port}/", (), (Secret(new_secret()),), n), await feed.last()
        )
    running = asyncio.create_task(telling.run())
    try:
        told = await happened(calls)
        well = [f"w{n}" for n in range(WELL)]
        await until(lambda: all_sent(outbox, hooks, well), 10, "nothing waits for those who are well", every_s=0.2)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        sink.stdin.write(b"\n")
        came = json.loads(await sink.stdout.readline())
        await sink.wait()
        await sender.close()
        await link.close()
        server.kill()
    judge(told, came)


async def all_sent(outbox: RedisOutbox, hooks: RedisWebhooks, ids: list[str]) -> bool:
    return not await outbox.waiting() and not any([(await hooks.standing(id)).waiting for id in ids])


async def happened(calls: RedisCalls) -> dict[str, tuple[int, float]]:
    """Call and number → whose it is, and when it was written down. Each call is one receiver's."""
    told: dict[str, tuple[int, float]] = {}
    began, nth, tick = time.time(), 0, 0.01
    while nth < RATE * SECONDS:
        due = min(int((time.time() - began) * RATE), RATE * SECONDS)
        await asyncio.gather(*(event(calls, n, told) for n in range(nth, due)))
        nth = due
        await asyncio.sleep(tick)
    return told


async def event(calls: RedisCalls, nth: int, told: dict[str, tuple[int, float]]) -> None:
    """Six hundred calls live at once; each goes through its states."""
    turn, slot = divmod(nth, 600)
    generation, step = divmod(turn, len(STATES))
    whose, call = slot % 100, f"c{generation}-{slot}"
    body = {"call": call, "type": "callback", "state": STATES[step], "at_ms": now_ms(), "tenant": f"t{whose}"}
    raw = msgspec.json.encode(body)
    if step == 0:
        await calls.create(call, raw, node="n", user_ids=[], created_at_ms=now_ms(), events=[raw])
    else:
        await calls.save(call, step, raw, [raw], 0)
    told[f"{call}_{step + 1}"] = whose, time.time()


def judge(told: dict[str, tuple[int, float]], came: list[tuple[int, str, float]]) -> None:
    late: list[float] = []
    seen: dict[str, int] = {}
    for n, id, at in came:
        _, call, seq, _ = id.split("_")
        whose, written = told[f"{call}_{seq}"]
        assert whose == n
        assert seen.get(call, 0) < int(seq), "out of order, or twice"
        seen[call] = int(seq)
        late.append(at - written)
    wanted = sum(whose < WELL for whose, _ in told.values())
    late.sort()
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    print(f"{len(came)} of {wanted} came; p50 {p50:.3f} s, p99 {p99:.3f} s, worst {late[-1]:.3f} s")  # noqa: T201 - for the soak's log
    assert len(came) == wanted
    assert p99 < 1.0
