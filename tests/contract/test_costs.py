"""What carriers are owed, over memory, Redis and a cluster: each leg counts once, in its day, for trunk and payer."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.adapters.redis.costs import PAGE, RedisCosts
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.ports.costs import Costs, LegCost
from ari_app.trunk_tools.costs import legs_of, opened_costs
from tests.contract.redis_server import RedisServer
from tests.support import until

ZONE = "Asia/Shanghai"
DAY = "2026-11-23"
AT_MS = 1_795_422_792_123  # 16:33 of that day there
MIDNIGHT_MS = 1_795_449_600_000  # its end

LEG = LegCost(
    leg="c1.callee.0", trunk="east", number="+8613900000001", dialled="8613900000001", payer="alice", team="acme",
    dialled_at_ms=AT_MS, rang_at_ms=AT_MS + 900, answered_at_ms=AT_MS + 4_000, ended_at_ms=AT_MS + 65_500,
    outcome="answered", cause=16, sip_status=200, price_micro_per_min=60_000, increment="60/60", currency="CNY",
    cost_micro=120_000, charged_s=120,
)  # fmt: skip
BUSY = replace(
    LEG, leg="c2.callee.0", rang_at_ms=None, answered_at_ms=None, ended_at_ms=AT_MS + 700, outcome="busy", cause=17,
    sip_status=486, cost_micro=0, charged_s=0,
)  # fmt: skip


@pytest.fixture(autouse=True)
async def swift(link: Link) -> AsyncIterator[None]:
    """Each wait for the disk takes up to a second and more, and there are many here."""
    await link.command("CONFIG", "SET", "appendfsync", "always")
    yield
    await link.command("CONFIG", "SET", "appendfsync", "everysec")


async def legs(costs: Costs, trunk: str = "east", day: str = DAY) -> list[LegCost]:
    return sorted([leg async for leg in costs.legs(trunk, day)], key=lambda leg: leg.leg)


async def test_a_leg_is_read_as_it_was_noted(costs: Costs) -> None:
    await costs.note([LEG, BUSY])
    assert await legs(costs) == [LEG, BUSY]
    expected = {
        "legs": 2, "answered": 1, "talk_s": 61, "billed_s": 120, "charged_s": 120, "micro:CNY": 120_000,
    }  # fmt: skip
    found = dict(await costs.sums("east", DAY))
    assert expected == {name: found.pop(name) for name in expected}
    of_its_quality = {"effective": 2, "end:answered": 1, "end:busy": 1, "signs": 1, "pdd_ms": 900, "pdd:1000": 1}
    assert found == of_its_quality


async def test_a_leg_that_is_noted_again_counts_once_and_stands_as_it_was_first(costs: Costs) -> None:
    await costs.note([LEG])
    await costs.note([replace(LEG, cost_micro=1, ended_at_ms=AT_MS + 5_000), BUSY])
    await asyncio.gather(*(costs.note([BUSY, LEG]) for _ in range(10)))

    assert await legs(costs) == [LEG, BUSY]
    sums = await costs.sums("east", DAY)
    assert (sums["legs"], sums["micro:CNY"]) == (2, 120_000)
    assert [dict(await costs.spent(kind, name, DAY)) for kind, name in WHOSE] == [{"CNY": 120_000}] * 3


WHOSE: Sequence = (("trunk", "east"), ("user", "alice"), ("team", "acme"))


async def test_what_is_spent_is_counted_for_trunk_user_and_team_by_currency(costs: Costs) -> None:
    other = replace(LEG, leg="c3.caller.0", trunk="west", currency="EUR", cost_micro=7)
    alone = replace(LEG, leg="c4.caller.0", payer="bob", team="", cost_micro=5)
    await costs.note([LEG, other])
    await costs.note([alone])

    assert dict(await costs.spent("user", "alice", DAY)) == {"CNY": 120_000, "EUR": 7}
    assert dict(await costs.spent("team", "acme", DAY)) == {"CNY": 120_000, "EUR": 7}
    assert dict(await costs.spent("user", "bob", DAY)) == {"CNY": 5}
    assert dict(await costs.spent("trunk", "east", DAY)) == {"CNY": 120_005}
    assert dict(await costs.spent("user", "nobody", DAY)) == {}


async def test_a_leg_belongs_to_the_operators_day_of_its_answer_else_of_its_dial(costs: Costs) -> None:
    over_midnight = replace(LEG, dialled_at_ms=MIDNIGHT_MS - 5, answered_at_ms=MIDNIGHT_MS, ended_at_ms=MIDNIGHT_MS + 1)
    talks_over_it = replace(LEG, leg="c3.callee.0", answered_at_ms=MIDNIGHT_MS - 1, ended_at_ms=MIDNIGHT_MS + 90_000)
    rings_over_it = replace(BUSY, dialled_at_ms=MIDNIGHT_MS - 1, ended_at_ms=MIDNIGHT_MS + 30_000)
    await costs.note([over_midnight, talks_over_it, rings_over_it])

    assert await legs(costs) == [rings_over_it, talks_over_it]
    assert await legs(costs, day="2026-11-24") == [over_midnight]


async def test_the_trunks_of_a_month_are_those_that_have_legs_in_it(costs: Costs) -> None:
    assert list(await costs.trunks("2026-11")) == []
    december = replace(LEG, leg="c3.callee.0", trunk="north", answered_at_ms=AT_MS + 8 * 86_400_000)
    await costs.note([replace(BUSY, trunk="west"), LEG, december])

    assert list(await costs.trunks("2026-11")) == ["east", "west"]
    assert list(await costs.trunks("2026-12")) == ["north"]


async def test_nothing_to_note_is_nothing(costs: Costs) -> None:
    await costs.note([])
    assert list(await costs.trunks("2026-11")) == []
    assert dict(await costs.sums("east", DAY)) == {}
    assert await legs(costs) == []


async def test_the_sums_of_a_day_are_those_of_its_legs_however_they_came(costs: Costs) -> None:
    rng = random.Random(5)
    many = [
        replace(
            LEG, leg=f"c{n}.callee.0", trunk=rng.choice(("east", "west")), payer=f"u{rng.randrange(9)}",
            team=rng.choice(("", "acme")), currency=rng.choice(("CNY", "EUR")), cost_micro=rng.randrange(10**9),
            ended_at_ms=AT_MS + 4_000 + rng.randrange(10**7), charged_s=rng.choice((0, 60)),
        )
        for n in range(2 * PAGE + 5)
    ]  # fmt: skip
    calls = [many[at : at + 2] for at in range(0, len(many), 2)]
    again = rng.sample(calls, len(calls) // 2)
    rng.shuffle(both := calls + again)
    await asyncio.gather(*map(costs.note, both))

    found = [leg for trunk in await costs.trunks("2026-11") for leg in await legs(costs, trunk)]
    assert sorted(found, key=lambda leg: leg.leg) == sorted(many, key=lambda leg: leg.leg)
    spent = Counter[tuple[str, str]]()
    for leg in many:
        for whose in (f"trunk {leg.trunk}", f"user {leg.payer}", f"team {leg.team}"):
            spent[whose, leg.currency] += leg.cost_micro
    for (whose, currency), micro in spent.items():
        kind, _, name = whose.partition(" ")
        if name:
            assert (await costs.spent(kind, name, DAY))[currency] == micro, whose  # type: ignore[arg-type]


async def test_a_tool_reads_the_legs_of_a_month_and_writes_nothing(link: Link, redis_server: RedisServer) -> None:
    noon = replace(LEG, leg="c3.callee.0", trunk="west", answered_at_ms=MIDNIGHT_MS + 43_200_000)
    await RedisCosts(link, ZONE).note([noon, LEG, BUSY, replace(LEG, leg="c4.callee.0", answered_at_ms=1)])
    before = await link.command("DBSIZE")
    async with opened_costs(redis_server.url, ZONE) as costs:
        found = [leg async for leg in legs_of(costs, "2026-11")]
        of_one = [leg async for leg in legs_of(costs, "2026-11", "west")]
    assert (sorted(found[:2], key=lambda leg: leg.leg), found[2:], of_one) == ([LEG, BUSY], [noon], [noon])
    assert await link.command("DBSIZE") == before


@pytest.mark.parametrize("name", ["", "a b", "{x}", "x" * 200])
async def test_no_name_reaches_the_store_that_it_would_misread(any_link: Link, name: str) -> None:
    costs = RedisCosts(any_link, ZONE)
    for wrong in (replace(LEG, trunk=name), replace(LEG, leg=name)):
        with pytest.raises(CallerError):
            await costs.note([wrong])
    with pytest.raises(CallerError):
        await costs.spent("user", name, DAY)


async def test_a_day_is_forgotten_when_its_time_has_come(any_link: Link) -> None:
    await RedisCosts(any_link, ZONE, kept_days=35).note([LEG])
    kept_s = 36 * 86_400
    for key in ("{t:east}:cost:", "{t:east}:costs:", "{p:alice}:cost:", "{p:alice}:costs:", "{m:acme}:costs:"):
        assert kept_s - 60 < await any_link.command("TTL", key + DAY) <= kept_s, key
    assert kept_s < await any_link.command("TTL", "costs:2026-11"), "a month's names stay as long as its last day"


async def test_a_line_of_a_newer_version_says_what_it_said(any_link: Link) -> None:
    costs = RedisCosts(any_link, ZONE)
    await costs.note([LEG])
    line = await any_link.command("HGET", f"{{t:east}}:cost:{DAY}", LEG.leg)
    await any_link.command("HSET", f"{{t:east}}:cost:{DAY}", LEG.leg, line[:-1] + b',"more",1]')
    assert await legs(costs) == [LEG]


async def test_legs_that_redis_may_have_lost_are_told_and_count_once_when_they_are_noted_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    link = Link(server.url, timeout_ms=500)
    await link.start()
    costs = RedisCosts(link, ZONE)
    noting = asyncio.create_task(costs.note([LEG, BUSY]))

    async def is_there() -> bool:
        return bool(await costs.sums("east", DAY))

    await until(is_there, every_s=0.01)
    server.kill()
    server.lose_what_is_not_on_disk()
    with pytest.raises(Unavailable):
        await noting
    server.start()
    await until(lambda: link.is_up)
    assert not await is_there(), "Redis has lost it: else this test shows nothing"

    async def is_noted() -> bool:
        try:
            await costs.note([LEG, BUSY])
        except Unavailable:
            return False
        return True

    await until(is_noted, within_s=10)
    assert (await costs.sums("east", DAY))["micro:CNY"] == 120_000
    assert await costs.spent("user", "alice", DAY) == {"CNY": 120_000}
    await link.close()
    server.kill()
