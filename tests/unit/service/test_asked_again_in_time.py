"""Who asks again after exactly as long as he was told is not refused for the same reason, wherever that can be known:
the test's own clock, the real rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.domain.call import Call
from ari_app.domain.limits import Limit
from ari_app.domain.trunks import Trunk, Window
from ari_app.engine.admission import AGAIN_S_MAX, Admission
from ari_app.engine.asks import Refusal
from ari_app.engine.attempts import AttemptRules, Attempts
from ari_app.engine.spending import Spend, Spending, SpendRules
from tests.unit.http.http_bench import a_call, a_talk
from tests.unit.service.test_no_trunk_now import OFFICE, SHANGHAI, World

MICRO = 1_000_000


def at(hour: int, minute: int = 0, day: int = 26) -> int:
    return round(1000 * datetime(2026, 11, day, hour, minute, 17, 250_000, tzinfo=ZoneInfo(SHANGHAI)).timestamp())


async def told(world: World) -> int:
    refused = await world.make()
    assert isinstance(refused, Refusal)
    assert refused.retry_after_s is not None
    return refused.retry_after_s


@pytest.mark.parametrize("now_ms", [at(17), at(8, 59), at(23, 59), at(3, day=28)])
async def test_a_trunk_opens_when_it_was_said(now_ms: int) -> None:
    world = World(Trunk("day", "a", hours=(OFFICE,)))
    world.now_ms = now_ms
    world.now_ms += 1000 * await told(world)
    assert isinstance(await world.make(), Call)
    world.now_ms -= 1000
    assert isinstance(await world.make(), Refusal), "and no sooner"


@pytest.mark.parametrize("hours", [(), (OFFICE,), (Window(frozenset(range(7)), 0, 24 * 60),)])
async def test_a_trunk_that_has_cost_enough_today_is_used_when_the_day_has_turned(hours: tuple[Window, ...]) -> None:
    world, costs = World(Trunk("dear", "a", hours=hours, spend_max_micro=MICRO)), MemoryCosts(SHANGHAI)
    world.now_ms = at(16, 30)
    spending = Spending(
        costs, SpendRules(timezone=SHANGHAI), unnoted=lambda: [dear(world.now_ms)], now_ms=lambda: world.now_ms,
        trunks=lambda: world.book.trunks,
    )  # fmt: skip
    world.book._is_spent = spending.is_spent
    await spending.look()
    world.now_ms += 1000 * await told(world)
    assert isinstance(await world.make(), Call), "though nobody has looked at what it cost since"


def dear(now_ms: int) -> Call:
    """It lasts, and has cost ten times what its trunk may a day."""
    talk = a_talk(at_ms=now_ms - 3_600_000, talked_ms=3_000_000)
    legs = tuple(
        replace(leg, routes=tuple(replace(r, trunk="dear", price_micro_per_min=MICRO) for r in leg.routes))
        for leg in talk.legs
    )
    return replace(talk, legs=legs, settled=None)


async def test_a_user_who_has_spent_enough_today_may_call_when_the_day_has_turned() -> None:
    now_ms = at(16, 30)
    spending = Spending(
        MemoryCosts(SHANGHAI), SpendRules(user=Spend(0, MICRO), timezone=SHANGHAI), unnoted=lambda: [dear(at(16, 30))],
        now_ms=lambda: now_ms,
    )  # fmt: skip
    refused = await spending.refused(a_call())
    assert refused is not None
    assert refused.retry_after_s is not None
    now_ms += 1000 * refused.retry_after_s
    assert await spending.refused(a_call()) is None


async def test_a_pair_that_has_talked_too_often_may_when_it_was_said() -> None:
    attempts = Attempts(MemoryLimits(), AttemptRules((Limit(3, 300), Limit(4, 600))))
    now_ms, refused, calls = at(9), 0, 0
    for n in range(40):
        answer = await attempts.refused(a_call(f"c{n}", now_ms, "bob"))
        calls += answer is None
        if answer is not None:
            refused += 1
            assert answer.retry_after_s is not None
            now_ms += 1000 * answer.retry_after_s
            assert await attempts.refused(a_call(f"again{n}", now_ms, "bob")) is None
        now_ms += 1_700
    assert refused > 3
    assert calls > 3


class Clock:
    now_s = 100.0


def test_who_was_turned_away_may_begin_when_it_was_said() -> None:
    clock = Clock()
    admission = Admission(lambda: 0.0, 0.15, clock=lambda: clock.now_s)
    admission.rate_per_s = 5
    while admission.admit("c", is_last_word=False):
        admission.placed("c", has_begun=True)
        admission.dialled("c")
    told = []
    for _ in range(20):
        assert not admission.admit("c")
        told.append(admission.again_s)
    assert told == [n // 3 + 1 for n in range(20)]
    assert max(told) <= AGAIN_S_MAX
    for n, again_s in enumerate(told):  # each comes back when he was told, all others with him
        clock.now_s = 100.0 + again_s + n * 1e-6
        assert admission.admit(f"again{n}"), f"number {n}, told to come back in {again_s} s"
        admission.placed(f"again{n}", has_begun=True)
        admission.dialled(f"again{n}")


def test_a_door_that_a_lag_has_closed_opens_for_one_when_it_was_said() -> None:
    clock = Clock()
    admission = Admission(lambda: 9.0, 0.15, clock=lambda: clock.now_s)
    assert admission.admit("first")
    assert not admission.admit("second")
    clock.now_s += admission.again_s
    assert admission.admit("second")
