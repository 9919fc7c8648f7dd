"""A million calls in a list: the last page costs what the first one does, also where they all share few moments."""

from __future__ import annotations

import time
from statistics import median

import pytest

from ari_app.adapters.redis.calls import ALL, RedisCalls
from ari_app.adapters.redis.link import Link

CALLS, AT_ONCE, LIMIT, TURNS = 1_000_000, 20_000, 50, 200
AT_MS = 4_102_444_800_000
"""To come: places without a record are cleared away when they are old."""
FLAT = 1.5

pytestmark = [pytest.mark.timeout(900), pytest.mark.soak("few calls say little")]


async def fill(link: Link, of_one_ms: int) -> None:
    await link.command("FLUSHALL")
    for begin in range(0, CALLS, AT_ONCE):
        some = range(begin, begin + AT_ONCE)
        await link.command("ZADD", ALL, *(part for n in some for part in (AT_MS + n // of_one_ms, f"c{n:07d}")))


async def took_ms(calls: RedisCalls, cursors: dict[str, str | None]) -> dict[str, float]:
    """Of one page, at the median; in turns, so that what else the machine does is shared."""
    times: dict[str, list[float]] = {name: [] for name in cursors}
    for _ in range(TURNS):
        for name, cursor in cursors.items():
            began = time.perf_counter()
            await calls.list(cursor=cursor, limit=LIMIT)
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: median(some) for name, some in times.items()}


@pytest.mark.parametrize("of_one_ms", [1, 100_000])
async def test_the_last_page_of_a_million_costs_what_the_first_one_does(link: Link, of_one_ms: int) -> None:
    await fill(link, of_one_ms)
    calls = RedisCalls(link)
    at = {"second": CALLS - 1, "middle": CALLS // 2, "last": LIMIT}
    cursors = {name: f"{AT_MS + n // of_one_ms}.c{n:07d}" for name, n in at.items()}
    pages = await took_ms(calls, {"first": None, **cursors})
    ratio = max(pages.values()) / min(pages.values())
    told = ", ".join(f"{name} {ms:.2f} ms" for name, ms in pages.items())
    print(f"pages of {CALLS} calls: {of_one_ms} of one ms: {told}: ratio {ratio:.2f}")  # noqa: T201
    assert ratio < FLAT
