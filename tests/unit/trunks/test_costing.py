"""What each leg of a call costs, and what the carriers of a month are owed: to the millionth, whoever computes it."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, LegState, Route, Settlement, Try
from ari_app.domain.costing import (
    LATER_WITHIN_MS,
    LegCost,
    day_of,
    days_of,
    ends_at_ms,
    leg_costs,
    owed,
    priced,
    sums_of,
)
from ari_app.domain.rates import Deck, Rate
from ari_app.domain.trunks import Trunk
from ari_app.engine import records
from ari_app.entrypoints.views import call_view
from tests.ground import SOAK
from tests.unit.trunks.random_costs import by_hand, random_calls

AT_MS = 1_795_422_792_123  # 2026-11-23, 16:33 in Shanghai
LEGS = 100_000 if SOAK else 2_000
SEED = int(os.environ.get("SEED", "1"))

ROUTE = Route("east", "8613900000001", "+864001234567", "platform", 60_000, "60/60", "CNY")


def one_try(answered_ms: int | None = 1_000, ended_ms: int = 61_500, **more: object) -> Try:
    """Times from the dial."""
    made = Try(
        state=LegState.GONE, dialled_at_ms=AT_MS, rang_at_ms=AT_MS + 500, ended_at_ms=AT_MS + ended_ms, how="remote",
        answered_at_ms=None if answered_ms is None else AT_MS + answered_ms, cause=16,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def call(*callee: Try, routes: Sequence[Route] = (ROUTE, ROUTE, ROUTE), charged_s: int = 60) -> Call:
    legs = (
        Leg(CALLER, "+8613900000009", (ROUTE,), 45_000, user="alice", tries=(one_try(),)),
        Leg(CALLEE, "+8613900000001", tuple(routes), 60_000, tries=callee),
    )
    return Call(
        "c1", "callback", AT_MS, "alice", legs, team="acme", now_ms=AT_MS + 100_000,
        settled=Settlement(charged_s, 0, charged_s),
    )  # fmt: skip


def callees(made: Call) -> list[LegCost]:
    return [cost for cost in leg_costs(made) if ".callee." in cost.leg]


# ---- one leg --------------------------------------------------------------------------------------------------------


def test_both_legs_of_a_call_are_owed_each_from_its_own_answer_to_its_own_end() -> None:
    caller, callee = leg_costs(call(one_try(answered_ms=20_000, ended_ms=60_000)))
    assert (caller.leg, caller.talk_ms, caller.cost_micro) == ("c1.caller.0", 60_500, 120_000)
    assert (callee.leg, callee.talk_ms, callee.cost_micro) == ("c1.callee.0", 40_000, 60_000)
    assert (caller.number, caller.dialled, caller.payer, caller.team) == (
        "+8613900000009", "8613900000001", "alice", "acme",
    )  # fmt: skip
    assert (caller.charged_s, callee.charged_s) == (0, 60), "minutes are taken once, and on the callee's leg"


def test_every_try_that_was_dialled_is_there_and_those_that_were_not_answered_cost_nothing() -> None:
    failed = one_try(None, 3_000, rang_at_ms=None, cause=34, sip_status=503)
    busy = one_try(None, 2_000, cause=17, sip_status=486)
    costs = callees(call(failed, busy))
    assert [(cost.leg, cost.outcome, cost.cost_micro, cost.charged_s) for cost in costs] == [
        ("c1.callee.0", "trunk_failed", 0, 0),
        ("c1.callee.1", "busy", 0, 60),
    ]
    money = ("legs", "answered", "charged_s", "micro:CNY")
    assert [{name: n for name, n in sums_of(cost).items() if name in money} for cost in costs] == [
        {"legs": 1}, {"legs": 1, "charged_s": 60},
    ]  # fmt: skip


def test_what_never_reached_its_trunk_is_owed_to_nobody() -> None:
    full = one_try(None, 0, rang_at_ms=None, how="failed", why="channels")
    refused = one_try(None, 5, rang_at_ms=None, how="failed")
    assert [cost.leg for cost in callees(call(full, refused, one_try()))] == ["c1.callee.2"]


def test_a_phone_that_vanished_is_paid_to_the_end_of_its_leg_not_to_its_last_sound() -> None:
    lost = one_try(1_000, 121_000, how="media", cause=44, last_sound_at_ms=AT_MS + 2_000)
    (cost,) = callees(call(lost, charged_s=0))
    assert (cost.outcome, cost.cost_micro, cost.charged_s) == ("media_lost", 120_000, 0)


@pytest.mark.parametrize(
    ("t", "outcome"),
    [
        (one_try(None, 20_000, how="ours"), "cancelled"),
        (one_try(None, 60_000, how="ours"), "no_answer"),
        (one_try(None, 9_000, how="ours", rang_at_ms=None), "cancelled"),
        (one_try(None, 10_000, how="ours", rang_at_ms=None), "trunk_failed"),
        (one_try(None, 4_000, how="unknown"), "unknown"),
        (one_try(), "answered"),
    ],
)
def test_what_became_of_a_try_is_told(t: Try, outcome: str) -> None:
    assert callees(call(t))[0].outcome == outcome


def test_what_a_leg_has_cost_so_far_is_shown_while_it_lasts() -> None:
    talks = one_try(1_000, state=LegState.UP, ended_at_ms=None)
    made = replace(call(talks), settled=None, now_ms=AT_MS + 62_000)
    assert owed(made, made.legs[1]) == (120_000, "CNY")
    assert owed(replace(made, now_ms=AT_MS + 60_000), made.legs[1]) == (60_000, "CNY")


def test_the_price_is_that_of_the_answer() -> None:
    routes = [replace(ROUTE, later=(AT_MS + 5_000, 90_000, "1/1"))]
    before, after, ringing = (
        callees(call(t, routes=routes))[0]
        for t in (one_try(4_999, 5_999), one_try(5_000, 6_000), one_try(None, 6_000, cause=17, sip_status=486))
    )
    assert (before.price_micro_per_min, before.increment, before.cost_micro) == (60_000, "60/60", 60_000)
    assert (after.price_micro_per_min, after.increment, after.cost_micro) == (90_000, "1/1", 1_500)
    assert ringing.price_micro_per_min == 60_000


def test_a_record_of_the_version_before_has_all_that_it_takes() -> None:
    made = call(one_try())
    old = records.encode(made).replace(b',"later":null,"privacy":false,"diversion":""', b"").replace(b',"why":""', b"")
    assert leg_costs(records.decode(old)) == leg_costs(made)


# ---- the deck -------------------------------------------------------------------------------------------------------

DECK = (
    Rate("+86", 50_000, "60/60"),
    Rate("+8613", 60_000, "6/6"),
    Rate("+8613", 70_000, "6/6", AT_MS + 60_000),
    Rate("+86", 1, "1/1", AT_MS + 30_000),
    Rate("+8613", 80_000, "1/1", AT_MS + LATER_WITHIN_MS + 1),
)
TRUNK = Trunk("east", "carrier.example", price_micro_per_min=90_000, price_increment="60/1", rates=DECK)


@pytest.fixture(params=[tuple, Deck])
def trunk(request: pytest.FixtureRequest) -> Trunk:
    """With the rates one by one, and as a deck that was read from a file."""
    return replace(TRUNK, rates=request.param(DECK))


def test_the_deck_tells_the_price_and_whether_it_changes_while_the_phone_may_ring(trunk: Trunk) -> None:
    now = priced(trunk, "+8613900000001", AT_MS)
    assert (now.rate.price_micro_per_min, now.rate.increment, now.later) == (
        60_000,
        "6/6",
        (AT_MS + 60_000, 70_000, "6/6"),
    )
    later = priced(trunk, "+8613900000001", AT_MS + 60_000)
    assert (later.rate.price_micro_per_min, later.later) == (70_000, (AT_MS + LATER_WITHIN_MS + 1, 80_000, "1/1"))
    assert priced(trunk, "+8620900000001", AT_MS).later == (AT_MS + 30_000, 1, "1/1")


def test_a_number_that_the_deck_does_not_name_has_the_trunks_own_price(trunk: Trunk) -> None:
    now = priced(trunk, "+4930123456", AT_MS)
    assert (now.rate.price_micro_per_min, now.rate.increment, now.later) == (90_000, "60/1", None)
    new = replace(trunk, rates=(Rate("+49", 5, "1/1", AT_MS + 1),))
    assert priced(new, "+4930123456", AT_MS).later == (AT_MS + 1, 5, "1/1")


def test_a_change_that_leaves_the_price_as_it_is_is_none() -> None:
    same = replace(TRUNK, rates=(Rate("+49", 5, "1/1"), Rate("+49", 5, "1/1", AT_MS + 1)))
    assert priced(same, "+4930123456", AT_MS).later is None


# ---- days -----------------------------------------------------------------------------------------------------------


def test_days_are_the_operators() -> None:
    midnight_ms = ends_at_ms("2026-11-23", "Asia/Shanghai")
    assert [day_of(midnight_ms + ms, "Asia/Shanghai") for ms in (-1, 0)] == ["2026-11-23", "2026-11-24"]
    assert day_of(midnight_ms, "Europe/London") == "2026-11-23"
    assert (days_of("2024-02")[-1], len(days_of("2026-11")), days_of("2026-11")[0]) == ("2024-02-29", 30, "2026-11-01")
    for wrong in ("", "2026", "2026-13", "2026-1", "26-01", "2026-11-01", "november", "9999-99", "2026-W1"):
        with pytest.raises(ValueError, match=r"isoformat|month|-"):
            days_of(wrong)


# ---- all together ---------------------------------------------------------------------------------------------------


async def test_what_is_owed_equals_an_independent_computation_to_the_millionth() -> None:
    rng, costs = random.Random(SEED), MemoryCosts()
    expected, shown, noted = Counter[tuple[str, str]](), Counter[str](), 0
    for made in random_calls(rng, LEGS):
        legs = leg_costs(made)
        noted += len(legs)
        assert all(leg.cost_micro >= 0 for leg in legs)
        await costs.note(legs)
        for leg in made.legs:
            for n in range(len(leg.tries)):
                expected[leg.routes[n].trunk, leg.routes[n].currency] += int(by_hand(leg, n))
        if all(sum(t.answered_at_ms is not None for t in leg.tries) <= 1 for leg in made.legs):
            told = call_view(made).legs
            assert sum(leg.cost.micro for leg in told) == sum(leg.cost_micro for leg in legs)
        shown.update(leg.trunk for leg in legs)
    found = Counter[tuple[str, str]]()
    for month in ("2026-10", "2026-11"):
        for trunk in await costs.trunks(month):
            for day in days_of(month):
                for name, micro in (await costs.sums(trunk, day)).items():
                    if name.startswith("micro:"):
                        found[trunk, name.removeprefix("micro:")] += micro
    assert found == expected
    assert sum(shown.values()) == noted >= LEGS
