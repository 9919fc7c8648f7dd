"""A month of legs in a real Redis: what the report adds up is what an accountant works out, to the millionth."""

from __future__ import annotations

import asyncio
import os
import random
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.link import Link
from ari_app.domain.call import Call
from ari_app.domain.costing import leg_costs
from ari_app.entrypoints.views_report import Terms, settlement
from ari_app.trunk_tools.costs import legs_of
from tests.contract.redis_server import RedisServer
from tests.ground import SOAK
from tests.unit.trunks.random_costs import AT_MS, by_hand, random_calls

LEGS = 100_000 if SOAK else 2_000
SEED = int(os.environ.get("SEED", "1"))
AT_ONCE = 100
MEMORY_MAX = 30_000_000 + 300 * LEGS // 20  # bytes: of one day's ids, not of a month's legs
pytestmark = pytest.mark.timeout(900 if SOAK else 60)


@pytest.fixture
async def patient(link: Link, redis_server: RedisServer) -> AsyncIterator[Link]:
    """To a Redis that does not wait for a disk which all the machine uses, and may be slow all the same."""
    await link.command("CONFIG", "SET", "appendfsync", "no")
    patient = Link(redis_server.url, timeout_ms=30_000)
    await patient.start()
    yield patient
    await patient.close()
    await link.command("FLUSHALL")
    await link.command("CONFIG", "SET", "appendfsync", "everysec")


async def test_a_months_report_equals_an_independent_computation(patient: Link) -> None:
    rng, costs = random.Random(SEED), RedisCosts(patient, "Asia/Shanghai")
    patient.disk.written = lambda *_: None  # type: ignore[method-assign]  # it is not about the disk here
    calls = list(random_calls(rng, LEGS))
    began = time.monotonic()
    await note(costs, calls)
    again = rng.sample(calls, len(calls) // 10)
    await note(costs, again)  # as after a crash
    took_s = time.monotonic() - began

    expected, legs_n = Counter[tuple[str, str]](), 0
    for call in calls:
        for leg in call.legs:
            for n in range(len(leg.tries)):
                expected[leg.routes[n].trunk, leg.routes[n].currency] += int(by_hand(leg, n))
                legs_n += 1
    began = time.monotonic()
    tracemalloc.start()
    told = [await settlement(costs, month, Terms(), AT_MS) for month in ("2026-10", "2026-11")]
    report_s = time.monotonic() - began
    found = Counter[tuple[str, str]]()
    for report in told:
        for trunk in report.trunks:
            found.update({(trunk.trunk, cost.currency): cost.micro for cost in trunk.cost})
        assert sum(cost.micro for day in report.days for cost in day.cost) == sum(c.micro for c in report.total.cost)
    assert found == +expected
    assert sum(report.total.legs for report in told) == legs_n

    listed = Counter[tuple[str, str]]()
    ids = set[int]()
    for month in ("2026-10", "2026-11"):
        async for cost in legs_of(costs, month):
            listed[cost.trunk, cost.currency] += cost.cost_micro
            ids.add(hash(cost.leg))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (+listed, len(ids)) == (found, legs_n)
    assert most < MEMORY_MAX, f"{most} bytes"
    size = await bytes_of(patient)
    figures = f"noted in {took_s:.1f}, reported in {report_s:.2f} s: {size // legs_n} bytes a leg"
    print(f"a month of {legs_n} legs, {figures}")  # noqa: T201


async def note(costs: RedisCosts, calls: list[Call]) -> None:
    for at in range(0, len(calls), AT_ONCE):
        await asyncio.gather(*(costs.note(leg_costs(call)) for call in calls[at : at + AT_ONCE]))


async def bytes_of(link: Link) -> int:
    keys = [key async for page in link.scan("{*", 1_000) for key in page]
    return int(sum(await link.commands([("MEMORY", "USAGE", key) for key in keys], in_order=False)))
