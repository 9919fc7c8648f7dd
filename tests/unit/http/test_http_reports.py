"""GET /v1/reports/settlement: a month's costs by trunk and by day, the margin, the forecast, what is incomplete."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.domain.costing import LegCost, days_of, ends_at_ms, leg_costs
from ari_app.domain.forecast import forecast
from ari_app.entrypoints.views_report import NOTED_WITHIN_MS, Terms, settlement
from tests.unit.http.http_bench import NOW_MS, Bench, a_talk

ZONE, TODAY, DAY_MS = "Asia/Shanghai", "2026-11-23", 86_400_000  # a Monday
TALK = leg_costs(a_talk())[-1]  # of the callee, over "carrier": 5.25 s, 0.06 a minute


def on(day: str, *, n: int = 0, **more: object) -> LegCost:
    """A leg that was answered at noon of that day."""
    at_ms = ends_at_ms(day, ZONE) - DAY_MS // 2
    made = replace(TALK, leg=f"{day}.{n}.0", dialled_at_ms=at_ms - 9, answered_at_ms=at_ms, ended_at_ms=at_ms + 5_250)
    return replace(made, **more)  # type: ignore[arg-type]


async def test_a_month_is_what_its_calls_cost(api: Bench) -> None:
    calls = [a_talk(f"c{n}", NOW_MS - n * DAY_MS, talked_ms=1000 * n) for n in range(5)]
    for call in calls:
        await api.costs.note(leg_costs(call))
        await api.store(call, "ended")
    told = (await api.ask("GET", "/v1/reports/settlement?month=2026-11", key="viewer")).json

    shown = [(await api.ask("GET", f"/v1/calls/{call.id}")).json for call in calls]
    costs = sum(leg["cost"]["micro"] for call in shown for leg in call["legs"])
    assert told["total"]["cost"] == [{"micro": costs, "currency": "CNY"}]
    by_trunk = {one["trunk"]: one for one in told["trunks"]}
    assert list(by_trunk) == ["broken", "carrier"]
    assert (by_trunk["broken"]["legs"], by_trunk["broken"]["unanswered"], by_trunk["broken"]["cost"]) == (5, 5, [])
    carrier = by_trunk["carrier"]
    assert (carrier["legs"], carrier["answered"], carrier["talk_s"], carrier["charged_s"]) == (10, 10, 20, 300)
    assert carrier["billed_s"] == 600, "each begun minute, also of the callee that ended as it was answered"
    by_day = {one["day"]: one for one in told["days"]}
    assert sum(sum(c["micro"] for c in one["cost"]) for one in told["days"]) == costs
    assert (len(by_day), by_day["2026-11-19"]["legs"], by_day["2026-11-18"]["legs"]) == (23, 3, 0)
    assert (told["month"], told["timezone"], told["as_of"]) == ("2026-11", ZONE, "2026-11-23T08:33:12.123Z")
    assert (told["worth"], told["margin"]) == (None, None), "nobody said what a minute is worth"


async def test_without_a_month_it_is_this_one(api: Bench) -> None:
    await api.costs.note([on("2026-10-31"), on("2026-11-01")])
    assert (await api.ask("GET", "/v1/reports/settlement")).json["total"]["legs"] == 1
    before = (await api.ask("GET", "/v1/reports/settlement?month=2026-10")).json
    assert (before["month"], before["total"]["legs"], before["forecast"]) == ("2026-10", 1, None)
    assert before["incomplete_days"] == []


@pytest.mark.parametrize("month", ["2026", "2026-13", "2026-1", "november", "2026-11-01", "..", "%00"])
async def test_what_is_no_month_is_told(api: Bench, month: str) -> None:
    answer = await api.ask("GET", f"/v1/reports/settlement?month={month}")
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (422, "malformed-request", "month")


async def test_a_month_to_come_is_empty(api: Bench) -> None:
    told = (await api.ask("GET", "/v1/reports/settlement?month=2027-02")).json
    assert (told["trunks"], told["days"], told["forecast"], told["incomplete_days"]) == ([], [], None, [])


# ---- what it means --------------------------------------------------------------------------------------------------


async def test_the_margin_is_what_charged_minutes_are_worth_less_their_costs() -> None:
    costs, terms = MemoryCosts(), Terms(worth_micro=100_000)
    await costs.note([on(TODAY, charged_s=90, cost_micro=40_000), on(TODAY, n=1, charged_s=0, cost_micro=200_000)])
    told = await settlement(costs, "2026-11", terms, NOW_MS)
    assert told.worth is not None
    assert told.margin is not None
    assert (told.worth.micro, told.margin.micro) == (150_000, -90_000)

    await costs.note([on(TODAY, n=2, currency="EUR")])
    mixed = await settlement(costs, "2026-11", terms, NOW_MS)
    assert mixed.margin is None
    assert mixed.warnings == ["No margin is shown: minute_worth is in CNY, and there are costs in EUR."]
    assert [cost.currency for cost in mixed.total.cost] == ["CNY", "EUR"]


async def test_a_trunk_without_a_price_is_told_as_one() -> None:
    costs = MemoryCosts()
    free = {"price_micro_per_min": 0, "cost_micro": 0}
    await costs.note([on(TODAY, **free), on(TODAY, n=1), on(TODAY, n=2, answered_at_ms=None, **free)])
    told = await settlement(costs, "2026-11", Terms(), NOW_MS)
    assert told.warnings == [
        "carrier: 1 answered legs have no price, and count as nothing; see its price and its deck."
    ]
    assert told.trunks[0].unpriced == 1


async def test_a_day_is_complete_when_none_of_its_calls_can_go_on() -> None:
    ends_ms = ends_at_ms("2026-11-22", ZONE)
    terms = Terms(talk_max_s=3_600)
    done_ms = ends_ms + 3_600_000 + NOTED_WITHIN_MS
    for now_ms, incomplete in ((done_ms - 1, ["2026-11-22", TODAY]), (done_ms, [TODAY])):
        told = await settlement(MemoryCosts(), "2026-11", terms, now_ms)
        assert told.incomplete_days == incomplete
        assert [day.day for day in told.days if not day.complete] == incomplete


async def test_days_that_are_not_kept_any_more_are_told_as_incomplete() -> None:
    told = await settlement(MemoryCosts(), "2026-10", Terms(kept_days=35), NOW_MS)
    assert told.incomplete_days == [f"2026-10-{day:02d}" for day in range(1, 19)]
    assert told.days[0].day == "2026-10-19"
    assert told.warnings == ["What was before 2026-10-19 is not kept any more (cost_days = 35)."]


async def test_nothing_is_read_but_sums_so_that_no_number_of_legs_fills_the_memory() -> None:
    class Sums(MemoryCosts):
        def legs(self, trunk: str, day: str) -> None:  # type: ignore[override]
            raise AssertionError("a report reads no legs")

    costs = Sums()
    await costs.note([on(TODAY, n=n) for n in range(100)])
    assert (await settlement(costs, "2026-11", Terms(), NOW_MS)).total.legs == 100


# ---- the forecast ---------------------------------------------------------------------------------------------------

DAYS = days_of("2026-11")


def test_a_month_of_which_no_day_is_over_has_no_forecast() -> None:
    assert forecast(DAYS, [], {"2026-11-01": 5}) is None


def test_days_to_come_cost_what_the_same_weekdays_did() -> None:
    finished = DAYS[:14]
    costs = {day: 100 if date.fromisoformat(day).weekday() < 5 else 7 for day in finished}
    weekdays = sum(date.fromisoformat(day).weekday() < 5 for day in DAYS)
    assert forecast(DAYS, finished, costs) == 100 * weekdays + 7 * (30 - weekdays)


def test_a_weekday_that_was_not_yet_counts_as_the_mean_of_all() -> None:
    assert forecast(DAYS, DAYS[:2], {DAYS[0]: 10, DAYS[1]: 21}) == 5 * 10 + 5 * 21 + 20 * 16


def test_a_day_that_has_cost_more_already_counts_as_what_it_has_cost() -> None:
    so_far = {DAYS[0]: 10, DAYS[7]: 500}
    assert forecast(DAYS[:8], DAYS[:1], so_far) == 10 + 6 * 10 + 500


async def test_the_forecast_of_the_report_is_of_each_currency() -> None:
    rng, costs = random.Random(3), MemoryCosts()
    for n, day in enumerate(DAYS[:22]):
        for currency in ("CNY", "EUR"):
            await costs.note(
                [on(day, n=n, leg=f"{currency}{n}.x.0", currency=currency, cost_micro=rng.randrange(9999))]
            )
    told = await settlement(costs, "2026-11", Terms(talk_max_s=60), NOW_MS)
    assert told.forecast is not None
    for cost in told.forecast:
        of = {day.day: next((c.micro for c in day.cost if c.currency == cost.currency), 0) for day in told.days}
        assert cost.micro == forecast(DAYS, DAYS[:22], of) > sum(of.values())
