"""A thousand events a second for a hundred webhooks, and whether whoever is well had each of them in time.

python -m tests.overload.happenings REDIS: writes them down for SECONDS, as a process that tells nobody; prints whose
each was and when it was written, as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.adapters.redis.webhooks import RedisWebhooks
from ari_app.fast_loop import fast_loop
from ari_app.ports.webhooks import Secret, Webhook, new_secret
from tests.ports import claim

WELL, HANGING, REFUSING = 90, 5, 5
HOOKS = WELL + HANGING + REFUSING
RATE, SECONDS = 1_000, 20
LIVE = 600  # calls at once
TICK_S = 0.01
STATES = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")
Told = dict[str, tuple[int, float]]
"""Call and number → whose it is, and when it was written down. Each call is one receiver's."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Sink:
    """`ports`: of the receivers; the last are dead. `came`, once it is over: whose, id, when."""

    ports: Sequence[int]
    came: list[tuple[int, str, float]] = field(default_factory=list)


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.overload.hook_sink", str(WELL), str(HANGING), stdin=-1, stdout=-1, limit=2**27
    )
    assert process.stdin is not None
    assert process.stdout is not None
    made = Sink(json.loads(await process.stdout.readline()) + [claim()[0] for _ in range(REFUSING)])
    try:
        yield made
    finally:
        process.stdin.write(b"\n")
        made.came = json.loads(await process.stdout.readline())
        await process.wait()


async def hook(link: Link, ports: Sequence[int]) -> None:
    hooks, begin = RedisWebhooks(link), await RedisFeed(link).last()
    for n, port in enumerate(ports):
        url = f"http://127.0.0.1:{port}/"
        await hooks.add(Webhook(f"w{n}", f"t{n}", url, (), (Secret(new_secret()),), n), begin)


async def all_sent(link: Link) -> bool:
    """Nothing waits for those who are well."""
    hooks = RedisWebhooks(link)
    if await RedisOutbox(link).waiting():
        return False
    return not any([(await hooks.standing(f"w{n}")).waiting for n in range(WELL)])


async def happened(calls: RedisCalls) -> Told:
    told: Told = {}
    began, nth = time.time(), 0
    while nth < RATE * SECONDS:
        due = min(int((time.time() - began) * RATE), RATE * SECONDS)
        await asyncio.gather(*(_event(calls, n, told) for n in range(nth, due)))
        nth = due
        await asyncio.sleep(TICK_S)
    return told


async def _event(calls: RedisCalls, nth: int, told: Told) -> None:
    """Each of those that live goes through its states; then there are others."""
    turn, slot = divmod(nth, LIVE)
    generation, step = divmod(turn, len(STATES))
    whose, call = slot % HOOKS, f"c{generation}-{slot}"
    body = {"call": call, "type": "callback", "state": STATES[step], "at_ms": now_ms(), "tenant": f"t{whose}"}
    raw = msgspec.json.encode(body)
    if step == 0:
        await calls.create(call, raw, node="n", user_ids=[], created_at_ms=now_ms(), events=[raw])
    else:
        await calls.save(call, step, raw, [raw], 0)
    told[f"{call}_{step + 1}"] = whose, time.time()


def judge(told: Told, came: Sequence[tuple[int, str, float]]) -> None:
    """Each came once, to whom it belongs, in order, and within a second."""
    late: list[float] = []
    seen: dict[str, int] = {}
    for n, id, at in came:
        _, call, seq, _ = id.split("_")
        if f"{call}_{seq}" not in told:
            continue  # of a call that was really placed
        whose, written = told[f"{call}_{seq}"]
        assert whose == n
        assert seen.get(call, 0) < int(seq), "out of order, or twice"
        seen[call] = int(seq)
        late.append(at - written)
    wanted = sum(whose < WELL for whose, _ in told.values())
    late.sort()
    p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
    print(f"{len(late)} of {wanted} came; p50 {p50:.3f} s, p99 {p99:.3f} s, worst {late[-1]:.3f} s")  # noqa: T201 - for the soak's log
    assert len(late) == wanted
    assert p99 < 1.0


async def main(redis: str) -> None:
    link = Link(redis)
    await link.start()
    told = await happened(RedisCalls(link, outbox=RedisOutbox(link)))
    await link.close()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(main(sys.argv[1]))
